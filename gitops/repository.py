"""The repository that gitops works on: where what lies in it, what git says of it, and which services it has.

Only the standard library: a job may ask before anything is installed.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from gitops.errors import GitopsError

# The layout, below the top folder.
SERVICES = Path("services")
TASKDEFS = Path("taskdefs")
TEMPLATES = Path("infra/cloudformation")
ENVIRONMENTS = Path("infra/environments")
GITHUB = Path(".github")
WORKFLOWS = GITHUB / "workflows"
ACTIONS = GITHUB / "actions"
REQUIREMENTS = Path("requirements")
TESTS = Path("tests/services")
# What a deploy of a service is made of, a folder of its name in each: its image and its task definition.
PARTS = (SERVICES, TASKDEFS)
DOCKERFILE = "Dockerfile"
BASE = "base.json"
RENDERED = "rendered"


def folders(service: str) -> list[str]:
    """What a deploy of a service is made of, as paths below the top folder."""
    return [(part / service).as_posix() for part in PARTS]


def base(service: str) -> Path:
    """Where the task definition of a service stands that every environment starts from."""
    return TASKDEFS / service / BASE


def overlay(service: str, environment: str) -> Path:
    """Where stands what an environment changes in it; the file may be absent."""
    return TASKDEFS / service / f"{environment}.json"


def rendered(service: str, environment: str) -> Path:
    """Where the rendered task definition of a service stands."""
    return TASKDEFS / service / RENDERED / f"{environment}.json"


def package(service: str) -> str:
    """A service's name as Python writes it: no dash may stand in a package's name."""
    return service.replace("-", "_")


def tests(service: str) -> Path:
    """Where the tests of a service stand; the folder may be absent."""
    return TESTS / package(service)


def template(name: str) -> Path:
    """Where a CloudFormation template stands."""
    return TEMPLATES / f"{name}.yaml"


def environment_file(name: str) -> Path:
    """Where an environment's values stand."""
    return ENVIRONMENTS / f"{name}.yaml"


def entry(environment: str, service: str) -> Path:
    """Where a service's values in an environment stand: it runs there when there is such a file."""
    return ENVIRONMENTS / environment / f"{service}.yaml"


class GitError(GitopsError):
    """A git command that ran and ended with an error."""


class Files(Protocol):
    """The files of a repository in one state, by their path below the top folder, with forward slashes."""

    def text(self, path: str) -> str | None:
        """A file's text, None when there is no such file."""

    def texts(self, *folders: str) -> dict[str, str]:
        """The text of each file below some folders, by its path."""


@dataclass(frozen=True)
class Checkout:
    """A clone with its work tree; ``root`` is its top folder."""

    root: Path

    @classmethod
    def around(cls, start: Path) -> Checkout:
        """The checkout whose top folder is at or above ``start``; GitopsError when there is none."""
        for folder in (start, *start.parents):
            if (folder / ENVIRONMENTS).is_dir():
                return cls(folder)
        raise GitopsError(f"there is no {ENVIRONMENTS} at or above {start}", fix="change into your clone")

    def git(self, *words: str) -> str:
        """Standard output of one git command; GitError with git's own last line when it fails."""
        return _text(self.raw(*words))

    def raw(self, *words: str, given: bytes = b"") -> bytes:
        """The same as bytes, with what git reads from its standard input."""
        try:
            done = subprocess.run(["git", "-C", str(self.root), *words], input=given, capture_output=True, check=False)
        except FileNotFoundError:
            raise GitopsError("git is not on PATH", fix="install git") from None
        if done.returncode != 0:
            last = (_text(done.stderr).strip().splitlines() or ["no message"])[-1]
            raise GitError(f"git {words[0]} failed: {last}")
        return done.stdout

    def commit(self, revision: str) -> str:
        """The full id of the commit that ``revision`` names; GitopsError when git knows none."""
        try:
            return self.git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}").strip()
        except GitError:
            raise GitopsError(
                f"{revision} is not a commit of this repository", fix="commit or fetch it, or check the spelling"
            ) from None

    def dirty(self) -> list[str]:
        """Paths that differ from HEAD, untracked ones included."""
        return [entry[3:] for entry in self.git("status", "--porcelain", "-z", "--no-renames").split("\0") if entry]

    def subject(self, revision: str) -> str:
        """The first line of a commit's message."""
        return self.git("log", "-1", "--format=%s", revision).strip()

    def copy(self, revision: str, folder: Path, *folders: str) -> Checkout:
        """A commit's files below some folders, written to the same place below ``folder``."""
        for path, text in self.at(revision).texts(*folders).items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
        return Checkout(folder)

    def is_ancestor(self, older: str, newer: str) -> bool | None:
        """Whether git has one commit among the ancestors of another; None when this clone lacks one of them."""
        try:
            for commit in (older, newer):
                self.commit(commit)
        except GitopsError:
            return None
        try:
            return self.git("merge-base", older, newer).strip() == older
        except GitError:
            # It ends with 1 where two histories have nothing in common.
            return False

    def fork_point(self, one: str, other: str) -> str:
        """The newest commit that two commits share; GitopsError when this clone does not hold one."""
        try:
            return self.git("merge-base", one, other).strip()
        except GitError:
            raise GitopsError(
                f"{one} and {other} share no commit in this clone",
                fix="fetch the whole history (git fetch --unshallow)",
            ) from None

    def changed(self, base: str, head: str = "") -> list[str] | None:
        """Paths that differ from ``base`` at ``head``, or else in the work tree: both names of a renamed file.

        None when there is no such base: a push that makes a branch has zeros as its base, and one that
        rewrote it has a commit that is gone. GitopsError when ``head`` is no commit.
        """
        after = [self.commit(head)] if head else []
        if not base.strip("0"):
            return None
        try:
            before = self.commit(base)
        except GitopsError:
            return None
        listed = self.git("diff", "--name-only", "--no-renames", "-z", before, *after)
        if not after:
            listed += self.git("ls-files", "--others", "--exclude-standard", "-z")
        return sorted({path for path in listed.split("\0") if path})

    def services(self) -> list[str]:
        """The services, sorted: each folder in services/ that has a Dockerfile."""
        return sorted(path.parent.name for path in (self.root / SERVICES).glob(f"*/{DOCKERFILE}"))

    def require_service(self, name: str) -> None:
        """Raise GitopsError unless the repository has a service of this name."""
        known = self.services()
        if name not in known:
            raise GitopsError(
                f"no service named {name} (there are: {', '.join(known) or 'none'})", fix="check the spelling"
            )

    def at(self, commit: str) -> Commit:
        """The files as a commit has them."""
        return Commit(self, commit)

    @property
    def work_tree(self) -> WorkTree:
        """The files as they lie on disk."""
        return WorkTree(self)


@dataclass(frozen=True)
class WorkTree:
    """The files as they lie on disk, those that git ignores included."""

    checkout: Checkout

    def text(self, path: str) -> str | None:
        """A file's text, None when there is no such file."""
        file = self.checkout.root / path
        return file.read_text(encoding="utf-8", errors="replace") if file.is_file() else None

    def paths(self, *folders: str) -> list[str]:
        """The paths of all files below some folders, sorted."""
        root = self.checkout.root
        found = (path for folder in folders for path in (root / folder).rglob("*") if path.is_file())
        return sorted(path.relative_to(root).as_posix() for path in found)

    def texts(self, *folders: str) -> dict[str, str]:
        """The text of each file below some folders, by its path."""
        return {path: self.text(path) or "" for path in self.paths(*folders)}


@dataclass(frozen=True)
class Commit:
    """The files as a commit has them; the clone holds the commit."""

    checkout: Checkout
    commit: str

    def text(self, path: str) -> str | None:
        """A file's text, None when there is no such file."""
        try:
            return self.checkout.git("cat-file", "blob", f"{self.commit}:{path}")
        except GitError:
            return None

    def paths(self, *folders: str) -> list[str]:
        """The paths of all files below some folders, sorted by git."""
        return [path for _, path in self._listed(folders)]

    def texts(self, *folders: str) -> dict[str, str]:
        """The text of each file below some folders, by its path; two commands of git for any number."""
        # MODE TYPE ID (git-ls-tree(1)).
        blobs = [(path, name) for (_, kind, name), path in self._listed(folders) if kind == "blob"]
        output = self.checkout.raw("cat-file", "--batch", given="".join(f"{name}\n" for _, name in blobs).encode())
        found, at = {}, 0
        for path, _ in blobs:
            # ID TYPE SIZE, the content, a newline (git-cat-file(1)).
            start = output.index(b"\n", at) + 1
            end = start + int(output[at:start].split()[2])
            found[path], at = _text(output[start:end]), end + 1
        return found

    def _listed(self, folders: Sequence[str]) -> list[tuple[list[str], str]]:
        listed = self.checkout.git("ls-tree", "-r", "-z", "--full-tree", self.commit, "--", *folders).split("\0")
        return [(stats.split(), path) for stats, _, path in (line.partition("\t") for line in listed if line)]


def _text(output: bytes) -> str:
    """What git or a file of a commit says, with line ends as Python reads them from a file."""
    return output.decode("utf-8", errors="replace").replace("\r\n", "\n").replace("\r", "\n")
