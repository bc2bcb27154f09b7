"""One commit, shipped to AWS on this machine, step by step as the workflows do it."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import psutil
import requests

from gitops import aws, environments, git
from gitops.environments import Environment
from gitops.errors import GitopsError
from rehearsal import daemons, identity, page, ports, preflight, state
from rehearsal.cli import DEFAULT_PORT
from rehearsal.emulator import ADMINISTRATOR_ACCESS_KEY_ID, ADMINISTRATOR_SECRET_ACCESS_KEY
from rehearsal.runtimes.choose import choose, proof
from rehearsal.state import State
from rehearsal.steps import Steps, table
from rehearsal.stop import end_all as stop

ENVIRONMENT = "rehearsal"
SERVICE = "weather"
ADMINISTRATOR = (ADMINISTRATOR_ACCESS_KEY_ID, ADMINISTRATOR_SECRET_ACCESS_KEY)
KEY_FILE = state.FOLDER / "openweather-key"
REAL_UPSTREAM = "https://api.openweathermap.org"

Say = Callable[[str], None]


def run(root: Path, *, commit: str, port: int | None, runtime: str, say: Say) -> int:
    """Bring the rehearsal up, or go on with the one that runs, and ship ``commit``.

    Returns 0 once the page answers through the load balancer with what the
    upstream says. Raises GitopsError otherwise, with the failing step's exit code.
    """
    environment = environments.load(root, ENVIRONMENT)
    sha = git.commit(root, commit)
    with state.locked(root):
        steps = Steps(root, say)
        say(f"shipping {sha[:12]} {git.subject(root, sha)}")
        if commit == "HEAD" and (note := preflight.dirty_note(root)):
            say(note)
        running = up(root, environment, steps, port, runtime)
        say(proof(running.runtime))
        key = _ship(environment, steps, running, sha)
        url = _status(steps)["url"]
        with steps.step("fetch the page through the load balancer"):
            answer = page.fetch(url, running.port)
            city, temperature = (
                page.expected(f"http://127.0.0.1:{running.upstream_port}", key) if key else (page.CITY, None)
            )
            if wrong := page.problem(answer, city, temperature):
                raise GitopsError(wrong, fix=f"open {url} and read .rehearsal/logs")
            shown = f"{city}, {temperature} °C" if key else city
            say(f"200 in {answer.milliseconds:.0f} ms: {shown}")
    say(f"\n{table(steps.taken)}\n\n{_memory(running)}\n\nThe page: {url}")
    say(f"It keeps running. What runs: .venv/bin/gitops status {ENVIRONMENT} · end it: make stop")
    return 0


def up(root: Path, environment: Environment, steps: Steps, port: int | None, runtime: str) -> State:
    """The rehearsal that runs already, or one started now; what an interruption left out is made up for."""
    found = state.load(root)
    if found is not None and _alive(found, "emulator"):
        _require_same(found, port, runtime)
    else:
        if found is not None and (emulator := found.daemons.get("emulator")):
            last = daemons.last_line(root, emulator)
            steps.say(f"the emulator has ended (its last line: {last}); starting again from nothing")
            stop(root)
        found = _new(root, port, runtime)
    if _alive(found, "emulator") and (_alive(found, "upstream") or not found.stand_in):
        config = environment.aws_config_file
        if config and (root / config).exists():
            return found
    with steps.step("bring AWS up on this machine"):
        found = _start_emulator(root, found)
        if found.stand_in:
            found = _start_upstream(root, found)
        identity.write(root, environment, found.endpoint, ADMINISTRATOR)
        steps.say(f"the emulator answers on {found.endpoint}, tasks run as {found.runtime}")
    return found


def _alive(found: State, name: str) -> bool:
    return name in found.daemons and daemons.find(found.daemons[name]) is not None


def _new(root: Path, port: int | None, runtime: str) -> State:
    port = port or int(os.environ.get("REHEARSAL_PORT", DEFAULT_PORT))
    chosen = choose(runtime)
    preflight.require_disk(root, chosen)
    ports.require_free(port, "emulator")
    ports.require_free(port + 1, "stand-in for OpenWeatherMap")
    return State(port=port, runtime=chosen, api_key_sha256=_digest(os.environ.get("OPENWEATHER_API_KEY", "")))


def _require_same(found: State, port: int | None, runtime: str) -> None:
    if port not in (None, found.port):
        raise GitopsError(f"the rehearsal runs on port {found.port}, not {port}", fix="make stop first")
    if runtime not in ("auto", found.runtime):
        raise GitopsError(f"the rehearsal runs its tasks as {found.runtime}, not {runtime}", fix="make stop first")
    if found.api_key_sha256 != _digest(os.environ.get("OPENWEATHER_API_KEY", "")):
        raise GitopsError("OPENWEATHER_API_KEY is not what it was when the rehearsal started", fix="make stop first")


def _digest(api_key: str) -> str:
    """Enough to see that a key has changed; empty without one. The key itself is in no file of ours."""
    return hashlib.sha256(api_key.encode()).hexdigest() if api_key else ""


def _module(name: str, port: int, *more: str) -> list[str]:
    return [sys.executable, "-m", f"rehearsal.{name}", "--port", str(port), "--state", state.FOLDER.name, *more]


def _start_emulator(root: Path, found: State) -> State:
    if not _alive(found, "emulator"):
        command = _module("emulator", found.port, "--runtime", found.runtime)
        found = _started(root, found, "emulator", command, {})
    url = f"{found.endpoint}/_ministack/health"
    daemons.wait_until_ready(root, "emulator", found.daemons["emulator"], lambda: _answers(url))
    return found


def _start_upstream(root: Path, found: State) -> State:
    key_file = root / KEY_FILE
    if not key_file.exists():
        key_file.touch(mode=0o600)
        key_file.write_text(secrets.token_hex(16))
    if not _alive(found, "upstream"):
        command = _module("openweathermap", found.upstream_port)
        found = _started(root, found, "upstream", command, {"OPENWEATHER_API_KEY": key_file.read_text()})
    url = f"http://127.0.0.1:{found.upstream_port}/_behaviour"
    daemons.wait_until_ready(root, "stand-in for OpenWeatherMap", found.daemons["upstream"], lambda: _answers(url))
    return found


def _started(root: Path, found: State, name: str, command: list[str], environment: dict[str, str]) -> State:
    daemon = daemons.start(root, command, root / state.FOLDER / "logs" / f"{name}.log", environment)
    found = msgspec.structs.replace(found, daemons={**found.daemons, name: daemon})
    # Saved before it is ready: a Ctrl-C from here on still finds it.
    state.save(root, found)
    return found


def _answers(url: str) -> bool:
    with page.loopback() as session:
        try:
            return session.get(url, timeout=2).ok
        except requests.RequestException:
            return False


def _ship(environment: Environment, steps: Steps, running: State, sha: str) -> str:
    """The workflows' steps in their order; the stand-in's key, empty when the real upstream is used."""
    steps.gitops("bootstrap stack", "administrator", ["apply", ENVIRONMENT, "--stack", "bootstrap"], {})
    steps.gitops("stacks", "infrastructure", ["apply", ENVIRONMENT], {})
    key = (steps.root / KEY_FILE).read_text() if running.stand_in else ""
    values = {
        "OPENWEATHER_API_KEY": key or os.environ["OPENWEATHER_API_KEY"],
        "OPENWEATHER_URL": f"http://127.0.0.1:{running.upstream_port}" if running.stand_in else REAL_UPSTREAM,
    }
    for name in _missing_secrets(steps.root, environment, list(values)):
        words = ["secret", "put", SERVICE, ENVIRONMENT, name, "--from-env", name]
        steps.gitops(f"secret {name}", "administrator", words, {name: values[name]})
    build = {"FAIRWEATHER_BUILDER": "pack"}
    if running.runtime == "containers":
        from rehearsal.base_image import build_settings

        with steps.step("base image"):
            build = build_settings(steps.root, steps.root / state.FOLDER, SERVICE, steps.say)
    steps.gitops("build", "build", ["build", SERVICE, ENVIRONMENT, "--commit", sha], build)
    # Whoever rehearses an older commit on purpose means it: there is nothing newer here to protect.
    shipped = [SERVICE, ENVIRONMENT, "--commit", sha, "--allow-older"]
    registered = steps.gitops("register", "deploy", ["register", *shipped], {})
    if registered.get("service") == "missing":
        words = ["apply", ENVIRONMENT, "--stack", f"service-{SERVICE}"]
        steps.gitops("create the ECS service", "infrastructure", words, {})
    steps.gitops("deploy", "deploy", ["deploy", *shipped], {})
    return key


def _missing_secrets(root: Path, environment: Environment, names: list[str]) -> list[str]:
    """Those that Parameter Store lacks: a value put once is not put again under a new version."""
    paths = {f"/{SERVICE}/{ENVIRONMENT}/{name}": name for name in names}
    with aws.explained(environment):
        ssm = aws.session(root, environment, "administrator").client("ssm")
        return [paths[path] for path in ssm.get_parameters(Names=list(paths))["InvalidParameters"]]


def _status(steps: Steps) -> dict[str, str]:
    with steps.step("status", "drift"):
        done = subprocess.run(
            [sys.executable, "-m", "gitops", "status", ENVIRONMENT, "--json"],
            cwd=steps.root,
            stdout=subprocess.PIPE,
            check=False,
        )
        if done.returncode:
            raise GitopsError("gitops status failed", fix="read the line above", exit_code=done.returncode)
    answer: dict[str, str] = json.loads(done.stdout)
    return answer


def _memory(running: State) -> str:
    """PSS of the emulator, the stand-in and every process below them, in MB."""
    rows = []
    for name, daemon in running.daemons.items():
        process = daemons.find(daemon)
        if process is None:
            continue
        below = process.children(recursive=True)
        rows.append((name, _pss(process)))
        if below:
            rows.append((f"tasks of the {name}", sum(_pss(child) for child in below)))
    total = sum(size for _, size in rows)
    return "memory: " + ", ".join(f"{name} {size:.0f} MB" for name, size in rows) + f"; {total:.0f} MB in all"


def _pss(process: psutil.Process) -> float:
    try:
        return float(process.memory_full_info().pss) / 1e6
    except psutil.Error:
        return 0.0
