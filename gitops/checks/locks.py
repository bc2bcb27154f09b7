"""Are the requirement locks exact? Each entry pinned and hashed, and no index address in any of them."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from gitops.checks import files
from gitops.repository import REQUIREMENTS, SERVICES, Checkout

LOCKS = (f"{REQUIREMENTS}/*.txt", f"{SERVICES}/*/requirements.txt")
SOURCES = (f"{REQUIREMENTS}/*.in", f"{SERVICES}/*/requirements.in")
PINNED = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*(\[[A-Za-z0-9,._-]+\])?==[^\s;*]+(\s*;.*)?$")
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}(?:\s|$)")


def problems(name: str, text: str) -> list[str]:
    """What is wrong with one lock: entries without pin or hash, and options that choose another index."""
    entries = 0
    found = []
    for line in _logical_lines(text):
        if line.startswith("-"):
            found.append(f"{name}: option not allowed in a lock: {line.split()[0].split('=')[0]}")
            continue
        entries += 1
        requirement = line.split("--hash=")[0].strip()
        if not PINNED.match(requirement):
            found.append(f"{name}: not pinned with ==: {requirement}")
        if not HASH.search(line):
            found.append(f"{name}: no sha256 hash: {requirement}")
    if entries == 0:
        found.append(f"{name}: holds no requirement")
    return found


def without_lock(sources: list[Path], locks: list[Path]) -> list[str]:
    """The requirement sources that nobody compiled."""
    return [
        f"{source.as_posix()}: has no {source.with_suffix('.txt').name} beside it"
        for source in sources
        if source.with_suffix(".txt") not in locks
    ]


def _logical_lines(text: str) -> list[str]:
    """Lines joined over a trailing backslash, comments and empty ones left out."""
    joined = re.sub(r"\\\n\s*", " ", text)
    bare = (re.sub(r"(^|\s)#.*$", "", line).strip() for line in joined.splitlines())
    return [line for line in bare if line]


def main() -> int:
    """Check the locks of the repository in the current folder."""
    checkout = Checkout(Path.cwd())
    locks = files.found(checkout, *LOCKS)
    found = without_lock(files.found(checkout, *SOURCES), locks)
    for path in locks:
        found += problems(path.as_posix(), (checkout.root / path).read_text(encoding="utf-8"))
    print("\n".join(found) if found else f"{len(locks)} locks: every entry pinned and hashed")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
