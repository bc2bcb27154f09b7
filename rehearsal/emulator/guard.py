"""Looks at a call before a service of ministack answers it: what else the caller needs, or who the caller is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from rehearsal.emulator.sessions import Refusal, refusal

# From the caller's access key id, the headers and the body to the answer that refuses; None lets the call through.
Look = Callable[[str, Mapping[str, str], bytes], Any]


@dataclass(frozen=True)
class Permission:
    """An action on a resource, with the condition keys of the request."""

    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict)


def before(service: ModuleType, look: Look) -> None:
    """Have a service ask ``look`` first."""
    from ministack.core.router import extract_access_key_id

    handle = service.handle_request

    async def handle_request(
        method: str,
        path: str,
        headers: dict[str, str],
        body: bytes,
        query_params: dict[str, Any],
    ) -> Any:  # noqa: ANN401 (ministack's response)
        refused = look(extract_access_key_id(headers, query_params), headers, body)
        return refused if refused is not None else await handle(method, path, headers, body, query_params)

    service.handle_request = handle_request  # type: ignore[attr-defined]


def first_refusal(caller: str, permissions: Iterable[Permission]) -> Refusal | None:
    """The first permission that the caller lacks, in IAM's words."""
    from ministack.core.responses import get_region

    asked = (refusal(caller, one.action, one.resource, get_region(), one.context) for one in permissions)
    return next((refused for refused in asked if refused is not None), None)
