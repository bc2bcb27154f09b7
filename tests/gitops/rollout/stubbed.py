"""A session whose clients answer from botocore's stubs, each in its own shapes and in order."""

from __future__ import annotations

from types import TracebackType
from typing import Any

import boto3
from botocore.stub import Stubber


class StubbedSession:
    """Give it to code that takes a boto3 session; leaving it checks that every answer was asked for."""

    def __init__(self) -> None:
        self._session = boto3.Session("a", "b", region_name="eu-west-2")
        self._clients: dict[str, tuple[Any, Stubber]] = {}

    def client(self, name: str, **_: Any) -> Any:
        return self._stubbed(name)[0]

    def answers(self, name: str) -> Stubber:
        """Where to add a client's answers."""
        return self._stubbed(name)[1]

    def _stubbed(self, name: str) -> tuple[Any, Stubber]:
        if name not in self._clients:
            client: Any = self._session.client(name)  # type: ignore[call-overload]
            stubber = Stubber(client)
            stubber.activate()
            self._clients[name] = client, stubber
        return self._clients[name]

    def __enter__(self) -> StubbedSession:
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        for client, stubber in self._clients.values():
            if kind is None:
                stubber.assert_no_pending_responses()
            client.close()
