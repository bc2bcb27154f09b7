"""What is running for this clone: the state file that start, stop and every later run share."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import msgspec

from gitops.errors import GitopsError

FOLDER = Path(".rehearsal")

Runtime = Literal["processes", "containers"]


class Daemon(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A process that outlives the command; ``started`` is in seconds since the boot.

    Its id alone could have been given to another since.
    """

    pid: int
    started: float
    log: str


class State(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A rehearsal: its ports, its task runtime, its upstream and its processes by name."""

    port: int
    runtime: Runtime
    # Of the key for OpenWeatherMap itself; empty where the weather comes from the stand-in.
    api_key_sha256: str = ""
    daemons: dict[str, Daemon] = {}

    @property
    def stand_in(self) -> bool:
        """Whether the weather comes from the stand-in."""
        return not self.api_key_sha256

    @property
    def endpoint(self) -> str:
        """Where every AWS call of this rehearsal goes."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def upstream_port(self) -> int:
        """The port of the stand-in for OpenWeatherMap, beside the emulator's."""
        return self.port + 1


def load(root: Path) -> State | None:
    """The clone's rehearsal, or None where there is none; GitopsError for a damaged file."""
    path = root / FOLDER / "state.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=State)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError as error:
        raise GitopsError(f"{FOLDER}/state.json is damaged: {error}", fix="make stop") from None


def save(root: Path, state: State) -> None:
    """Write the state file in one step, so that an interruption leaves the old one or the new one."""
    path = root / FOLDER / "state.json"
    path.parent.mkdir(exist_ok=True)
    draft = path.with_suffix(".json.new")
    draft.write_bytes(msgspec.json.format(msgspec.json.encode(state)) + b"\n")
    draft.replace(path)


@contextmanager
def locked(root: Path) -> Iterator[None]:
    """Hold the clone's rehearsal; GitopsError when another command holds it."""
    folder = root / FOLDER
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("a+") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.seek(0)
            raise GitopsError(
                f"another rehearsal command (pid {handle.read().strip() or 'unknown'}) is at work in this clone",
                fix="wait for it, or end it with Ctrl-C",
            ) from None
        handle.truncate(0)
        handle.write(f"{os.getpid()}\n")
        handle.flush()
        yield
