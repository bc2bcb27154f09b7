"""Counts what a watch asks of AWS, so that it stays under one call a second on average."""

from __future__ import annotations

from typing import Any

# Calls a second that extra questions may bring the average to; the looks themselves always happen.
_MOST = 0.9


class Calls:
    """The calls made through some clients since the watch began."""

    def __init__(self) -> None:
        self.made = 0

    def count(self, client: Any) -> None:  # noqa: ANN401 (every client of boto3 has the same events)
        """Count a client's calls from now on, each once however often this is asked."""
        # The first event of a call, sent once however often botocore tries it again.
        client.meta.events.register("provide-client-params", self._counted, unique_id=f"calls-{id(self)}")

    def leave_room(self, wanted: int, waited: float) -> bool:
        """Whether ``wanted`` more calls keep the average over ``waited`` seconds."""
        return self.made + wanted <= waited * _MOST

    def _counted(self, **_: object) -> None:
        self.made += 1
