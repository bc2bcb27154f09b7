"""A clone of this repository as a newcomer has it, and what it runs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import requests

from gitops import environments
from gitops.repository import Checkout
from rehearsal.page import loopback
from tests.conftest import ROOT

# What is tried, by the repository's own files: the environment that stands here and the first of its services.
HERE = environments.rehearsed(Checkout(ROOT))
ENVIRONMENT = HERE.environment
SERVICE = next(iter(HERE.services))
PAGE, SHOWS = HERE.page(SERVICE), HERE.rehearsal(SERVICE).shows

AUTHOR = {
    "GIT_AUTHOR_NAME": "A Newcomer",
    "GIT_AUTHOR_EMAIL": "newcomer@example.com",
    "GIT_COMMITTER_NAME": "A Newcomer",
    "GIT_COMMITTER_EMAIL": "newcomer@example.com",
}


CACHE = Path(".rehearsal/cache")


def link_new(source: Path, target: Path) -> None:
    """Give ``target`` the base images that ``source`` has and it lacks; they are never written to again."""
    for archive in source.glob("base-*.tar"):
        if not (target / archive.name).exists():
            target.mkdir(parents=True, exist_ok=True)
            try:
                (target / archive.name).hardlink_to(archive)
            except FileExistsError:
                continue
            except OSError:
                # Another file system: a copy takes a second, making it anew a minute.
                shutil.copy2(archive, target / archive.name)


@dataclass(frozen=True)
class Clone:
    """A work tree with its own rehearsal on its own port."""

    path: Path
    port: int
    runtime: str

    def git(self, *words: str) -> str:
        """Run git in the clone."""
        command = ["git", "-C", str(self.path), *words]
        return subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ | AUTHOR).stdout

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

    def run(self, *words: str, seconds: float = 300, **environment: str) -> tuple[int, str]:
        """Run it to its end: exit code and all it printed."""
        with self.start(*words, **environment) as process:
            output, _ = process.communicate(timeout=seconds)
        return process.returncode, output

    def follow(self, told: Callable[[str], None], *words: str, seconds: float, **environment: str) -> tuple[int, str]:
        """Run it to its end and tell each line as it comes: exit code and all it printed."""
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
