"""The steps of a run: each a command of its own, timed, and listed at the end."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import msgspec

from gitops import Checkout, GitopsError
from rehearsal.daemons import FOLDER, MARK


class Taken(msgspec.Struct, frozen=True):
    """How long one step took."""

    step: str
    role: str
    seconds: float


@dataclass
class Steps:
    """Runs steps one after the other and remembers what each took."""

    checkout: Checkout
    say: Callable[[str], None]
    clock: Callable[[], float] = time.monotonic
    taken: list[Taken] = field(default_factory=list)

    @contextmanager
    def step(self, title: str, role: str = "") -> Iterator[None]:
        """Announce a step and time it."""
        self.say(f"\n▸ {title}" + (f"  (as {role})" if role else ""))
        started = self.clock()
        try:
            yield
        finally:
            self.taken.append(Taken(title, role, self.clock() - started))

    def gitops(self, title: str, role: str, words: Sequence[str], environment: Mapping[str, str]) -> dict[str, str]:
        """Run one gitops verb as its workflow step does, and return the outputs it set.

        Raises GitopsError with the verb's own exit code when it fails; its own
        line stands above already.
        """
        outputs = self.checkout.root / FOLDER / "outputs"
        outputs.write_bytes(b"")
        with self.step(title, role):
            code = subprocess.call(
                [sys.executable, "-m", "gitops", *words],
                cwd=self.checkout.root,
                env={**os.environ, **environment, MARK: str(self.checkout.root), "GITHUB_OUTPUT": str(outputs)},
            )
        if code:
            raise GitopsError(
                f"gitops {' '.join(words)} ended with exit code {code}",
                fix="correct what it says and make rehearse again; make stop ends what runs",
                exit_code=code if code > 0 else 1,
            )
        return parse_outputs(outputs.read_text())


def parse_outputs(text: str) -> dict[str, str]:
    """The ``name=value`` lines of a GITHUB_OUTPUT file, and its delimited values of several lines.

    docs.github.com, "Workflow commands", "Multiline strings".
    """
    found: dict[str, str] = {}
    lines = iter(text.splitlines())
    for line in lines:
        name, equals, value = line.partition("=")
        opened, marker, delimiter = line.partition("<<")
        if marker and (not equals or len(opened) < len(name)):
            block = []
            for inner in lines:
                if inner == delimiter:
                    break
                block.append(inner)
            found[opened] = "\n".join(block)
        elif equals:
            found[name] = value
    return found


def table(taken: Sequence[Taken]) -> str:
    """What each step took, in seconds, aligned for a terminal and a log alike."""
    total = sum(row.seconds for row in taken)
    rows = [(row.step, row.role, f"{row.seconds:.1f}") for row in taken]
    rows = [("step", "role", "seconds"), *rows, ("all", "", f"{total:.1f}")]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = [f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c:>{widths[2]}}".rstrip() for a, b, c in rows]
    rule = "─" * (sum(widths) + 4)
    return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1]])
