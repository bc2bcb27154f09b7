"""A clone of this repository as a newcomer has it, and what it runs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import requests

from gitops import aws, environments
from gitops.repository import Checkout
from rehearsal.page import loopback
from rehearsal.services import own_secrets
from tests.conftest import ROOT, engine_answers, missing
from tests.emulators import free_ports

# What is tried, by the repository's own files: the environment that stands here and the first of its services.
HERE = environments.rehearsed(Checkout(ROOT))
ENVIRONMENT = HERE.environment
SERVICE = next(iter(HERE.services))
PAGE, SHOWS = HERE.page(SERVICE), HERE.rehearsal(SERVICE).shows


def a_secret() -> str:
    """The name of one that the service's tasks read."""
    rendered = json.loads((ROOT / f"taskdefs/{SERVICE}/rendered/{ENVIRONMENT}.json").read_text())
    return own_secrets(rendered, SERVICE, ENVIRONMENT)[0]


AUTHOR = ("-c", "user.name=A Newcomer", "-c", "user.email=newcomer@example.com")


CACHE = Path(".rehearsal/cache")


def link_new(source: Path, target: Path) -> None:
    """Give ``target`` the base images that ``source`` has and it lacks; they are never written to again."""
    for archive in source.glob("base-*.tar"):
        target.mkdir(parents=True, exist_ok=True)
        try:
            (target / archive.name).hardlink_to(archive)
        except FileExistsError:
            continue
        except OSError:
            # Another file system: a copy takes a second, making it anew a minute.
            shutil.copy2(archive, target / archive.name)


def until(process: subprocess.Popen[str], end: str) -> str:
    """All that a process prints up to the first line with this in it; AssertionError where none comes."""
    read = ""
    for line in process.stdout or ():
        read += line
        if end in line:
            return read
    raise AssertionError(f"it ended without {end!r}: {read}")


@dataclass(frozen=True)
class Clone:
    """A work tree with its own rehearsal on its own port."""

    path: Path
    port: int
    runtime: str

    def git(self, *words: str) -> str:
        """Run git in the clone."""
        command = ["git", "-C", str(self.path), *AUTHOR, *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def commit(self, message: str) -> str:
        """Commit everything; the new commit's id."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD").strip()

    def start(self, *words: str, **environment: str) -> subprocess.Popen[str]:
        """Start ``python -m WORDS`` in the clone, so that the clone's own code runs."""
        return subprocess.Popen(
            [sys.executable, "-m", *words],
            cwd=self.path,
            env=os.environ | {"REHEARSAL_PORT": str(self.port)} | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(
        self, *words: str, seconds: float = 300, told: Callable[[str], None] = lambda _: None, **environment: str
    ) -> tuple[int, str]:
        """Run it to its end, which comes in ``seconds``, and tell each line: exit code and all it printed."""
        lines = []
        with self.start(*words, **environment) as process:
            bound = threading.Timer(seconds, process.kill)
            bound.start()
            try:
                for line in process.stdout or ():
                    lines.append(line)
                    told(line)
            finally:
                bound.cancel()
        return process.returncode, "".join(lines)

    def status(self) -> dict[str, Any]:
        """What ``gitops status --json`` answers."""
        code, output = self.run("gitops", "status", ENVIRONMENT, "--json")
        assert code == 0, output
        answer: dict[str, Any] = json.loads(output)
        return answer

    def session(self, role: aws.Role = "administrator") -> boto3.Session:
        """One with the clone's own AWS."""
        checkout = Checkout(self.path)
        return aws.session(checkout, environments.load(checkout, ENVIRONMENT), role)

    def visitor(self) -> Visitor:
        """Somebody who reads the first service's page again and again."""
        return Visitor(self.port, urlsplit(self.status()["url"]).hostname or "")

    def change_the_page(self, text: str) -> None:
        """Have the service's page show one thing more."""
        pages = sorted((self.path / "services" / SERVICE).rglob("*.html"))
        page = next(path for path in pages if "</main>" in path.read_text())
        page.write_text(page.read_text().replace("</main>", f"<p>{text}</p></main>", 1))

    def ship(self) -> tuple[int, str]:
        """What ``make rehearse`` runs. A base image made from Debian is made once for all clones."""
        cache = self.path / CACHE
        link_new(ROOT / CACHE, cache)
        result = self.run("rehearsal", "run", "--runtime", self.runtime, seconds=900)
        link_new(cache, ROOT / CACHE)
        return result


def make(path: Path, port: int, runtime: str) -> Clone:
    """Clone this repository with the work tree's own changes as one more commit."""
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(path)], check=True, capture_output=True)
    clone = Clone(path, port, runtime)
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z", "--modified", "--others", "--exclude-standard"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        source, target = ROOT / name, path / name
        if source.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
            target.chmod(source.stat().st_mode)
        else:
            target.unlink(missing_ok=True)
    clone.commit("the work tree")
    return clone


@contextmanager
def shipped(folder: Path, runtime: str, change: Callable[[Path], None] = lambda _: None) -> Iterator[tuple[Clone, str]]:
    """A clone whose commit, after some ``change`` in its work tree, is shipped, and what that printed."""
    if runtime == "containers" and not engine_answers():
        missing("no Docker engine answers", "tasks as containers are not tested here")
    clone = make(folder / "fairweather", free_ports(), runtime)
    change(clone.path)
    clone.commit("What the tests change")
    try:
        code, output = clone.ship()
        assert code == 0, output
        yield clone, output
    finally:
        clone.run("rehearsal", "stop")


class Visitor:
    """Asks for the page again and again, and counts the answers."""

    def __init__(self, port: int, host: str, path: str = "/", pause: float = 0.05) -> None:
        self.answers: Counter[str] = Counter()
        self._address, self._host, self._pause = f"http://127.0.0.1:{port}{path}", host, pause
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._ask)

    def __enter__(self) -> Visitor:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _ask(self) -> None:
        with loopback() as session:
            # Bounded: a test that hangs must not ask for ever.
            deadline = time.monotonic() + 240
            while not self._stop.wait(self._pause) and time.monotonic() < deadline:
                try:
                    answer = session.get(self._address, headers={"Host": self._host}, timeout=60)
                    self.answers[str(answer.status_code)] += 1
                except requests.RequestException as error:
                    self.answers[type(error).__name__] += 1
