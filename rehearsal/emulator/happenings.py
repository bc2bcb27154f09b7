"""What happens on AWS now and then, and how late AWS answers: told to the emulator, and due until it has happened.

One address, ``HAPPENINGS``, takes it: POST has one ``Told`` as JSON, GET answers what is due. The rooms ask
``Happenings.happens`` where it would happen.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import msgspec

HAPPENINGS: Final = "/_rehearsal/happenings"
# "sleep 3 seconds" before the first read after UpdateService (kayac/ecspresso#28).
AWS_LATE: Final = 3.0
# A deployment was seen to be IN_PROGRESS still for so long while its breaker rolled it back: 1¾ minutes.
AWS_ROLLBACK: Final = 105.0
ROLLBACK: Final = 1.0
LONGEST: Final = 3600.0


class Kind(NamedTuple):
    """What happens, and which of ``Told``'s fields say more of it."""

    what: str
    fields: tuple[str, ...]


KINDS: Final[dict[str, Kind]] = {
    "pull-failure": Kind("a task's image cannot be pulled for the moment; its task stops", ("service", "times")),
    "retired-host": Kind("a running task's host is taken out of service; its task stops", ("service", "times")),
    "spot-interruption": Kind("a running task's capacity is taken back; its task stops", ("service", "times")),
    "injected-container": Kind(
        "a task has a container that nobody declared and that cannot be pulled; the task runs", ("service", "times")
    ),
    "stale-read": Kind("DescribeServices answers what was before the service's last update", ("service", "times")),
    "slow-list": Kind("ListServiceDeployments lacks the newest", ("service", "times")),
    "throttling": Kind("a call is refused: ThrottlingException", ("operation", "times")),
    "late-answers": Kind(
        f"reads, lists and deregistered revisions lag behind from now on, {AWS_LATE:.0f} s as on AWS", ("seconds",)
    ),
    "slow-rollback": Kind(
        f"a failed deployment is IN_PROGRESS for longer from now on, {AWS_ROLLBACK:.0f} s as on AWS", ("seconds",)
    ),
    "normal": Kind("nothing more of all this", ()),
}


class Told(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One of ``KINDS``: to which ECS service or operation ("" for any), how often, or with how many seconds."""

    kind: str
    service: str = ""
    operation: str = ""
    times: int | None = None
    seconds: float | None = None

    def problem(self) -> str:
        """What is wrong with it, in one line; nothing where it can happen."""
        if self.kind not in KINDS:
            return f"nothing of the kind {self.kind!r} happens: {', '.join(KINDS)}"
        if foreign := sorted(msgspec.to_builtins(self).keys() - {"kind", *KINDS[self.kind].fields}):
            return f"{self.kind} takes no {foreign[0]}"
        if self.times is not None and self.times < 1:
            return f"{self.kind} happens once or more, not {self.times} times"
        if self.seconds is not None and not 0 <= self.seconds <= LONGEST:
            return f"{self.kind} lasts from 0 to {LONGEST:.0f} seconds, not {self.seconds:g}"
        return ""


@dataclass
class Happenings:
    """What is due; ``late`` and ``rollback`` are in seconds, and ``normal`` brings back those it began with."""

    late: float = 0.0
    rollback: float = ROLLBACK
    # Kind → what makes it happen at once, as often as it says, or answers why not.
    at_once: dict[str, Callable[[Told], str]] = field(default_factory=dict)
    _due: list[Told] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._first = (self.late, self.rollback)

    def tell(self, told: Told) -> str:
        """Have it happen; what was wrong with it, or nothing."""
        if problem := told.problem():
            return problem
        if told.kind == "normal":
            with self._lock:
                self._due.clear()
            self.late, self.rollback = self._first
        elif told.kind == "late-answers":
            self.late = AWS_LATE if told.seconds is None else told.seconds
        elif told.kind == "slow-rollback":
            self.rollback = AWS_ROLLBACK if told.seconds is None else told.seconds
        elif told.kind in self.at_once:
            return self.at_once[told.kind](told)
        else:
            with self._lock:
                self._due.append(msgspec.structs.replace(told, times=told.times or 1))
        return ""

    def happens(self, kind: str, *, service: str = "", operation: str = "") -> bool:
        """Whether it is due here and now; it is once less from then on."""
        with self._lock:
            for index, told in enumerate(self._due):
                here = told.service in ("", service) and told.operation in ("", operation)
                if told.kind == kind and here:
                    left = (told.times or 1) - 1
                    self._due[index : index + 1] = [msgspec.structs.replace(told, times=left)] if left else []
                    return True
        return False

    def answer(self, method: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        """The answer to a request at ``HAPPENINGS``: what is due, or 400 with the ``problem``."""
        problem = ""
        if method == "POST":
            try:
                problem = self.tell(msgspec.json.decode(body, type=Told))
            except msgspec.DecodeError as error:
                problem = str(error)
        with self._lock:
            now = {"due": msgspec.to_builtins(self._due), "late": self.late, "rollback": self.rollback}
        answer = json.dumps({"problem": problem} if problem else now).encode()
        return 400 if problem else 200, {"Content-Type": "application/json"}, answer
