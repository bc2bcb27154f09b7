"""Bring a rehearsal up, or go on with the one that runs; end it, with nothing left running or outside the clone."""

from __future__ import annotations

import os
import shutil
import socket
import sys
from collections.abc import Callable, Iterable, Sequence

import msgspec
import requests

from gitops import Checkout, Environment, GitopsError
from rehearsal import DEFAULT_PORT, daemons, identity, page
from rehearsal.daemons import FOLDER, State
from rehearsal.emulator import ADMINISTRATOR_SECRET_ACCESS_KEY
from rehearsal.runtimes import choose
from rehearsal.services import Needs
from rehearsal.steps import Steps

EMULATOR = "emulator"
# Measured: the emulator's log and one unpacked image are far below; a base image built from Debian is not.
DISK_BYTES = {"processes": 500_000_000, "containers": 4_000_000_000}
# Kept at the end: a base image and packages that took a minute to make, and the logs that say what happened.
KEPT = {"cache", "logs", "lock"}


def up(
    checkout: Checkout, environment: Environment, needs: Sequence[Needs], steps: Steps, port: int | None, runtime: str
) -> State:
    """The rehearsal that runs already, or one started now; what is missing of it is made up for.

    Raises GitopsError where it runs otherwise than asked for, and where a port is taken.
    """
    found = daemons.load(checkout)
    if found is not None and found.alive(EMULATOR):
        require_same(found, port, runtime, needs)
    else:
        if found is not None and (emulator := found.daemons.get(EMULATOR)):
            last = daemons.last_line(checkout, emulator)
            steps.say(f"the emulator has ended (its last line: {last}); starting again from nothing")
            end_all(checkout)
        found = _new(checkout, port, runtime)
    asked = [one for one in needs if one.stand_in is not None]
    profiles = environment.aws_config_file
    if (
        all(map(found.alive, [EMULATOR, *(one.process for one in asked)]))
        and profiles
        and (checkout.root / profiles).exists()
    ):
        return _with_given(checkout, found, needs)
    with steps.step("bring AWS up on this machine"):
        found = _start_emulator(checkout, found)
        for one in asked:
            found = _start_stand_in(checkout, found, one)
        # Every key of twelve digits is an administrator's of the account of that number.
        identity.write(checkout, environment, found.endpoint, (environment.account, ADMINISTRATOR_SECRET_ACCESS_KEY))
        steps.say(f"the emulator answers on {found.endpoint}, tasks run as {found.runtime}")
    return _with_given(checkout, found, needs)


def require_same(found: State, port: int | None, runtime: str, needs: Iterable[Needs]) -> None:
    """Raise GitopsError for another port, runtime or secret than the rehearsal runs with."""
    if port not in (None, found.port):
        raise GitopsError(f"the rehearsal runs on port {found.port}, not {port}", fix="make stop first")
    if runtime not in ("auto", found.runtime):
        raise GitopsError(f"the rehearsal runs its tasks as {found.runtime}, not {runtime}", fix="make stop first")
    for one in needs:
        for parameter, digest in one.given().items():
            if found.given.get(parameter, digest) != digest:
                name = parameter.rpartition("/")[2]
                raise GitopsError(f"{name} is not what it was when the rehearsal started", fix="make stop first")


def _new(checkout: Checkout, port: int | None, runtime: str) -> State:
    port = port or int(os.environ.get("REHEARSAL_PORT", DEFAULT_PORT))
    chosen = choose(runtime)
    require_disk(checkout, chosen)
    daemons.require_free(port, EMULATOR)
    return State(port=port, runtime=chosen)


def require_disk(checkout: Checkout, runtime: str) -> None:
    """GitopsError unless the clone's disk has room for the runtime's images."""
    free, needed = shutil.disk_usage(checkout.root).free, DISK_BYTES[runtime]
    if free < needed:
        raise GitopsError(
            f"{free / 1e9:.1f} GB are free on the disk of {checkout.root}; the rehearsal needs {needed / 1e9:.1f} GB",
            fix="free some space",
        )


def dirty_note(checkout: Checkout) -> str:
    """One line that says HEAD is shipped and not the changes, or nothing when there are none."""
    changed = checkout.dirty()
    if not changed:
        return ""
    shown = ", ".join(changed[:3]) + (", …" if len(changed) > 3 else "")
    return f"note: HEAD is shipped, not the {len(changed)} changed files of the work tree ({shown})"


def _with_given(checkout: Checkout, found: State, needs: Iterable[Needs]) -> State:
    given = {parameter: digest for one in needs for parameter, digest in one.given().items()}
    if given.items() <= found.given.items():
        return found
    found = msgspec.structs.replace(found, given={**found.given, **given})
    daemons.save(checkout, found)
    return found


def _start_emulator(checkout: Checkout, found: State) -> State:
    if not found.alive(EMULATOR):
        words = ["--port", str(found.port), "--state", FOLDER.name, "--runtime", found.runtime]
        found = _started(checkout, found, EMULATOR, [sys.executable, "-m", "rehearsal.emulator", *words], {})
    url = f"{found.endpoint}/_ministack/health"
    daemons.wait_until_ready(checkout, EMULATOR, found.daemons[EMULATOR], lambda: _answers(url))
    return found


def _start_stand_in(checkout: Checkout, found: State, needed: Needs) -> State:
    name, stand_in = needed.process, needed.stand_in
    if stand_in is None:
        return found
    if not found.alive(name):
        # The same port again, where it had one: the tasks know it.
        port = found.ports.get(name) or daemons.free_port(max([found.port, *found.ports.values()]))
        daemons.require_free(port, name)
        found = msgspec.structs.replace(found, ports={**found.ports, name: port})
        leads = needed.leads(port)
        known = {secret: value for secret, value in needed.values(checkout, port).items() if secret not in leads}
        found = _started(checkout, found, name, stand_in.start(needed.environment.state(needed.service), port), known)
    port = found.ports[name]
    daemons.wait_until_ready(checkout, name, found.daemons[name], lambda: _listens(port))
    return found


def _started(checkout: Checkout, found: State, name: str, command: list[str], environment: dict[str, str]) -> State:
    log = checkout.root / FOLDER / "logs" / f"{name.replace(' ', '-')}.log"
    daemon = daemons.start(checkout, command, log, environment)
    found = msgspec.structs.replace(found, daemons={**found.daemons, name: daemon})
    # Saved before it is ready: a Ctrl-C from here on still finds it.
    daemons.save(checkout, found)
    return found


def _answers(url: str) -> bool:
    with page.loopback() as session:
        try:
            return session.get(url, timeout=2).ok
        except requests.RequestException:
            return False


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(2)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def stop(checkout: Checkout, say: Callable[[str], None]) -> None:
    """End the clone's rehearsal and say what was ended."""
    with daemons.locked(checkout):
        ended = end_all(checkout)
    say(f"stopped: {', '.join(ended)}" if ended else "no rehearsal was running in this clone")


def end_all(checkout: Checkout) -> list[str]:
    """End the emulator (which ends its tasks), the stand-ins, and whatever else carries this clone's mark.

    A damaged state file is no obstacle: the mark alone finds every process.
    """
    ended = []
    try:
        running = daemons.load(checkout)
    except GitopsError:
        running = None
    for name, daemon in (running.daemons if running else {}).items():
        process = daemons.find(daemon)
        if process is not None:
            # The emulator gives each task its stopTimeout (30 s) before it goes itself.
            daemons.end(process, seconds=45)
            ended.append(name)
    for process in daemons.marked(checkout):
        daemons.end(process, seconds=5)
        ended.append(f"pid {process.pid}")
    from rehearsal.runtimes import containers

    ended += containers.remove_all(checkout.root / FOLDER)
    for path in (checkout.root / FOLDER).iterdir():
        if path.name not in KEPT:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    return ended
