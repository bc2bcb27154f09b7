"""Puts a draft into the repository: written aside, verified there, and moved into place whole or not at all."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gitops import environments
from gitops.checks.catalogue import tool
from gitops.errors import GitopsError
from gitops.newservice.draft import Draft
from gitops.stacks import order
from gitops.taskdefs import tree

_STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def place(root: Path, draft: Draft, service: str) -> list[Path]:
    """Put the draft into the repository at ``root``; the paths of all that was made or changed, sorted.

    Raises GitopsError when what the draft makes would not render, fill its
    stacks' parameters or be formatted. Then, and when it is interrupted or
    cannot write, the repository is as it was.
    """
    with tempfile.TemporaryDirectory(dir=root, prefix=".new-service-") as name:
        aside = Path(name)
        for path, text in (*draft.created.items(), *draft.changed.items()):
            (aside / path).parent.mkdir(parents=True, exist_ok=True)
            (aside / path).write_text(text, encoding="utf-8")
        rendered = _verified(root, aside, draft, service)
        for path, text in rendered.items():
            (aside / path).parent.mkdir(parents=True, exist_ok=True)
            (aside / path).write_text(text, encoding="utf-8")
        _format(root, aside, draft)
        _move(root, aside, draft)
    return sorted([*draft.created, *rendered, *draft.changed])


def _verified(root: Path, aside: Path, draft: Draft, service: str) -> dict[Path, str]:
    """The new service's rendered task definitions, from a copy of what they and the stacks are made of."""
    with tempfile.TemporaryDirectory() as name:
        copy = Path(name)
        for folder in ("infra", str(tree.FOLDER)):
            shutil.copytree(root / folder, copy / folder)
            shutil.copytree(aside / folder, copy / folder, dirs_exist_ok=True)
        known = environments.load_all(copy)
        for environment in known.values():
            order.load(copy, environment, known.get(environment.registry, environment).account)
        return tree.expected(copy, [service], known)


def _format(root: Path, aside: Path, draft: Draft) -> None:
    """Sort imports and fold lines as the new names ask for."""
    ruff = tool("ruff")
    # ruff tells ours from others' by the package that a file is in; what is not in draft.folders stays aside.
    for package in ("tests", "tests/services"):
        (aside / package / "__init__.py").touch()
    folders = [str(aside / folder) for folder in draft.folders]
    for words in (["check", "--quiet", "--select", "I", "--fix"], ["format", "--quiet"]):
        done = subprocess.run(
            [ruff, words[0], "--no-cache", "--config", str(root / "pyproject.toml"), *words[1:], *folders],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            last = (done.stderr or done.stdout).strip().splitlines() or ["it said nothing"]
            raise GitopsError(f"ruff {words[0]} failed: {last[-1]}", fix="nothing was made; correct that first")


def _move(root: Path, aside: Path, draft: Draft) -> None:
    done: list[tuple[Path, bytes | None]] = []
    with _signals_wait() as arrived:
        try:
            for folder in draft.folders:
                (root / folder).parent.mkdir(parents=True, exist_ok=True)
                (aside / folder).rename(root / folder)
                done.append((root / folder, None))
            for path in draft.changed:
                before = (root / path).read_bytes()
                shutil.copymode(root / path, aside / path)
                (aside / path).replace(root / path)
                done.append((root / path, before))
        except BaseException:
            _undo(done)
            raise
        if arrived:
            _undo(done)


def _undo(done: list[tuple[Path, bytes | None]]) -> None:
    """Take away each new folder, and give each changed file its bytes back."""
    for path, before in reversed(done):
        if before is None:
            shutil.rmtree(path)
        else:
            path.write_bytes(before)


@contextmanager
def _signals_wait() -> Iterator[list[int]]:
    """Hold back Ctrl-C and its like for the milliseconds in which files move; those that arrived.

    By handlers and not by a mask: a mask is one thread's, and the kernel may hand the signal to another.
    """
    arrived: list[int] = []
    before = {number: signal.signal(number, lambda number, _: arrived.append(number)) for number in _STOPS}
    try:
        yield arrived
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if arrived:
            signal.raise_signal(arrived[0])
