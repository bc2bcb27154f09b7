"""What runs for this clone: its processes, started apart from the terminal, found again, ended whole.

The state file says which there are; each also carries a variable by which it is found, so that none is forgotten.
"""

from __future__ import annotations

import fcntl
import os
import socket
import subprocess
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec
import psutil

from gitops import Checkout, GitopsError

FOLDER = Path(".rehearsal")
# Every process of a rehearsal inherits this variable; stopping looks for it, so that none is forgotten.
MARK = "FAIRWEATHER_REHEARSAL"
# Seconds that the kernel may take to start a process on a machine with no time to spare.
STARTS_WITHIN = 2.0
_PAUSE = 0.02
# include/linux/sched.h
PF_KTHREAD = 0x0020_0000

Runtime = Literal["processes", "containers"]


class Daemon(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A process that outlives the command; ``started`` is in seconds since the boot.

    Its id alone could have been given to another since.
    """

    pid: int
    started: float
    log: str


class State(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A rehearsal: the emulator's port, its task runtime, and its processes by name.

    ``ports`` are the stand-ins' by their process's name. ``given`` has the SHA-256 of
    what the shell gave for a secret, by the path of its parameter, and "" where a
    value was made here: enough to see that one has changed. No secret is kept in it.
    """

    port: int
    runtime: Runtime
    daemons: dict[str, Daemon] = {}
    ports: dict[str, int] = {}
    given: dict[str, str] = {}

    @property
    def endpoint(self) -> str:
        """Where every AWS call of this rehearsal goes."""
        return f"http://127.0.0.1:{self.port}"

    def alive(self, name: str) -> bool:
        """Whether a process of this name was started and lives."""
        return name in self.daemons and find(self.daemons[name]) is not None


def load(checkout: Checkout) -> State | None:
    """The clone's rehearsal, or None where there is none; GitopsError for a damaged file."""
    path = checkout.root / FOLDER / "state.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=State)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError as error:
        raise GitopsError(f"{FOLDER}/state.json is damaged: {error}", fix="make stop") from None


def save(checkout: Checkout, state: State) -> None:
    """Write the state file in one step, so that an interruption leaves the old one or the new one."""
    path = checkout.root / FOLDER / "state.json"
    path.parent.mkdir(exist_ok=True)
    draft = path.with_suffix(".json.new")
    draft.write_bytes(msgspec.json.format(msgspec.json.encode(state)) + b"\n")
    draft.replace(path)


@contextmanager
def locked(checkout: Checkout) -> Iterator[None]:
    """Hold the clone's rehearsal; GitopsError when another command holds it."""
    folder = checkout.root / FOLDER
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


def start(checkout: Checkout, command: Sequence[str], log: Path, environment: dict[str, str]) -> Daemon:
    """Start a process in a session of its own, its output in ``log``."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=checkout.root,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environment, MARK: str(checkout.root)},
            start_new_session=True,
        )
    # Nobody has waited for it yet, so that it stands in /proc even when it has ended.
    born = stat(process.pid)
    # It outlives this command on purpose; without this, Python warns of a child that nobody waited for.
    process.returncode = 0
    return Daemon(pid=process.pid, started=born.started if born else 0.0, log=str(log.relative_to(checkout.root)))


def find(daemon: Daemon) -> psutil.Process | None:
    """The daemon's process while it lives."""
    known = stat(daemon.pid)
    if known is None or known.started != daemon.started:
        return None
    try:
        process = psutil.Process(daemon.pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process
    except psutil.NoSuchProcess:
        return None


def last_line(checkout: Checkout, daemon: Daemon) -> str:
    """The last line that the daemon wrote, the cause when it ended."""
    try:
        lines = (checkout.root / daemon.log).read_text(errors="replace").strip().splitlines()
    except FileNotFoundError:
        return "its log is gone"
    return lines[-1].strip() if lines else "it wrote nothing"


def wait_until_ready(
    checkout: Checkout, name: str, daemon: Daemon, ready: Callable[[], bool], seconds: float = 60
) -> None:
    """Return once ``ready()`` holds; GitopsError when the daemon ends first or takes too long."""
    deadline = time.monotonic() + seconds
    while not ready():
        if find(daemon) is None:
            raise GitopsError(
                f"the {name} ended while starting: {last_line(checkout, daemon)}", fix=f"read {daemon.log}"
            )
        if time.monotonic() > deadline:
            raise GitopsError(f"the {name} does not answer after {seconds:.0f} s", fix=f"read {daemon.log}")
        time.sleep(0.05)


def end(process: psutil.Process, seconds: float) -> None:
    """SIGTERM, then SIGKILL after ``seconds``."""
    try:
        process.terminate()
        process.wait(seconds)
    except psutil.TimeoutExpired:
        process.kill()
        process.wait(5)
    except psutil.NoSuchProcess:
        pass


def marked(checkout: Checkout) -> list[psutil.Process]:
    """Every process that carries this clone's mark, this one and its parents left out."""
    own = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    return carrying(MARK, str(checkout.root), without=own)


def carrying(name: str, value: str, without: Collection[int] = ()) -> list[psutil.Process]:
    """Every process with ``name=value`` in its environment, but those with an id of ``without``.

    Waits, at most ``STARTS_WITHIN`` seconds, for processes that do not show theirs yet.
    """
    found = []
    unread = [process for process in psutil.process_iter() if process.pid not in without]
    deadline = time.monotonic() + STARTS_WITHIN
    while True:
        looks = [(process, _environment(process)) for process in unread]
        found += [process for process, environment in looks if environment and environment.get(name) == value]
        unread = [process for process, environment in looks if environment is None]
        if not unread or time.monotonic() > deadline:
            return found
        time.sleep(_PAUSE)


def _environment(process: psutil.Process) -> Mapping[str, str] | None:
    """A process's environment, empty where it has none or hides it; None while the kernel starts it.

    Within execve(2) /proc shows neither environment nor command line, so an empty
    environment counts only between two looks at the same command line.
    """
    try:
        command = process.cmdline()
        environment = process.environ()
        if environment or (command and process.cmdline() == command):
            return environment
    except psutil.Error:
        return {}
    known = stat(process.pid)
    return {} if known is None or known.kernel else None


@dataclass(frozen=True)
class Stat:
    """What the kernel alone knows; ``started`` is in seconds since the boot, which no step of the clock moves."""

    kernel: bool
    started: float


def stat(pid: int) -> Stat | None:
    """What /proc/PID/stat says of a process (man7.org, proc_pid_stat(5)); None when there is none."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    return parsed(text, os.sysconf("SC_CLK_TCK"))


def parsed(text: str, ticks: int) -> Stat:
    """A line of /proc/PID/stat, where a second has ``ticks`` ticks."""
    # A program's name may hold blanks and brackets; what follows it begins with the third field.
    fields = text.rpartition(")")[2].split()
    return Stat(kernel=bool(int(fields[9 - 3]) & PF_KTHREAD), started=int(fields[22 - 3]) / ticks)


def owner(port: int) -> str:
    """Which process listens on a port, as far as this user may see."""
    for connection in psutil.net_connections("tcp"):
        if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port:
            if connection.pid is None:
                break
            try:
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
            except psutil.NoSuchProcess:
                break
    return "another user's process"


def require_free(port: int, purpose: str) -> None:
    """GitopsError, naming who has it, unless the port can be bound."""
    if not _is_free(port):
        raise GitopsError(
            f"port {port}, for the {purpose}, is taken by {owner(port)}",
            fix="choose another: make rehearse PORT=4700",
        )


def free_port(after: int) -> int:
    """The first port above ``after`` that can be bound; GitopsError where there is none."""
    for port in range(after + 1, 65536):
        if _is_free(port):
            return port
    raise GitopsError(f"no port above {after} is free", fix="choose a lower one: make rehearse PORT=4700")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
