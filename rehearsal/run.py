"""One commit, shipped to AWS on this machine, step by step as the workflows do it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence

import psutil

from gitops import Checkout, Environment, GitopsError, aws, environments, session
from rehearsal import daemons, page
from rehearsal.daemons import FOLDER, State
from rehearsal.runtimes import ELSEWHERE, PROOF
from rehearsal.services import Needs, needs
from rehearsal.steps import Steps, table
from rehearsal.up import dirty_note, up

# The most that one GetParameters takes.
_BATCH = 10


def run(
    checkout: Checkout,
    *,
    environment: str | None,
    services: Sequence[str],
    commit: str,
    port: int | None,
    runtime: str,
    say: Callable[[str], None],
) -> int:
    """Bring the rehearsal up, or go on with the one that runs, and ship ``commit``: these services, or all of them.

    Returns 0 once each one's page shows through the load balancer what it has
    to. Raises GitopsError otherwise, with the failing step's exit code.
    """
    described = environments.rehearsed(checkout, environment)
    name = described.environment
    for service in services:
        described.require_service(service)
    sha = checkout.commit(commit)
    wanted = [needs(checkout, described, service, sha) for service in services or described.services]
    with daemons.locked(checkout):
        steps = Steps(checkout, say)
        say(f"shipping {sha[:12]} {checkout.subject(sha)}")
        if commit == "HEAD" and (note := dirty_note(checkout)):
            say(note)
        running = up(checkout, described, wanted, steps, port, runtime)
        say(PROOF[running.runtime])
        for needed in wanted if running.runtime == "processes" else []:
            for container in needed.foreign:
                say(f"Left out of {needed.service}: its container {container}, for {ELSEWHERE}.")
        _ship(described, steps, running, wanted, sha)
        address = _url(steps, name)
        pages = [_look(steps, running, one, address) for one in wanted]
    say(f"\n{table(steps.taken)}\n\n{_memory(running)}\n")
    for one in pages:
        say(f"The page: {one}")
    say(f"It keeps running. What runs: .venv/bin/gitops status {name} · end it: make stop")
    return 0


def _ship(environment: Environment, steps: Steps, running: State, wanted: Sequence[Needs], sha: str) -> None:
    """The workflows' steps in their order, for one service after the other."""
    name = environment.environment
    steps.gitops("bootstrap stacks", "administrator", ["apply", name, "--stack", "bootstrap"], {})
    steps.gitops("stacks", "infrastructure", ["apply", name], {})
    for one in wanted:
        values = one.values(steps.checkout, running.ports.get(one.process))
        for secret in _missing(steps.checkout, one):
            words = ["secret", "put", one.service, name, secret, "--from-env", secret]
            steps.gitops(f"secret {secret} of {one.service}", "administrator", words, {secret: values[secret]})
    build = {"FAIRWEATHER_BUILDER": "pack"}
    if running.runtime == "containers":
        from rehearsal.base_image import build_settings

        with steps.step("base image"):
            build = build_settings(
                steps.checkout, steps.checkout.root / FOLDER, [one.service for one in wanted], steps.say
            )
    for one in wanted:
        service = one.service
        steps.gitops(f"build {service}", "build", ["build", service, name, "--commit", sha], build)
        # Whoever rehearses an older commit on purpose means it: there is nothing newer here to protect.
        shipped = [service, name, "--commit", sha, "--allow-older"]
        registered = steps.gitops(f"register {service}", "deploy", ["register", *shipped], {})
        if registered.get("service") == "missing":
            words = ["apply", name, "--stack", f"service-{service}"]
            steps.gitops(f"create the ECS service {service}", "infrastructure", words, {})
        steps.gitops(f"deploy {service}", "deploy", ["deploy", *shipped], {})


def _missing(checkout: Checkout, one: Needs) -> list[str]:
    """The secrets that Parameter Store lacks: a value put once is not put again under a new version."""
    found: list[str] = []
    with aws.explained(one.environment):
        ssm = session(checkout, one.environment, "administrator").client("ssm")
        for start in range(0, len(one.secrets), _BATCH):
            names = [one.parameter(name) for name in one.secrets[start : start + _BATCH]]
            found += ssm.get_parameters(Names=names)["InvalidParameters"]
    return [name for name in one.secrets if one.parameter(name) in found]


def _url(steps: Steps, environment: str) -> str:
    """Where the environment's load balancer answers."""
    with steps.step("status", "drift"):
        done = subprocess.run(
            [sys.executable, "-m", "gitops", "status", environment, "--json"],
            cwd=steps.checkout.root,
            stdout=subprocess.PIPE,
            check=False,
        )
        if done.returncode:
            raise GitopsError("gitops status failed", fix="read the line above", exit_code=done.returncode)
    url: str = json.loads(done.stdout)["url"]
    return url


def _look(steps: Steps, running: State, one: Needs, url: str) -> str:
    """Fetch a service's page and say what it shows; its address. GitopsError where it does not."""
    path = one.environment.page(one.service)
    address = f"{url.rstrip('/')}{path}"
    with steps.step(f"fetch the page of {one.service} through the load balancer"):
        answer = page.fetch(url, running.port, path)
        if wrong := page.problem(answer, one.shows):
            raise GitopsError(f"{one.service}: {wrong}", fix=f"open {address} and read {FOLDER}/logs")
        shown = f": {', '.join(one.shows)}" if one.shows else ""
        steps.say(f"200 in {answer.milliseconds:.0f} ms{shown}")
    return address


def _memory(running: State) -> str:
    """PSS of the emulator, the stand-ins and every process below them, in MB."""
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
