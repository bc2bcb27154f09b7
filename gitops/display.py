"""What a person at a terminal or a log is told of what goes on, apart from finding it out.

Plain lines in a log, a live tree on a terminal; in both, secrets are hidden.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, Protocol, TextIO

from rich.console import Console
from rich.live import Live
from rich.text import Text
from rich.tree import Tree

from gitops.clock import SYSTEM, Clock
from gitops.text import hide

Mood = Literal["going", "done", "failed", "note"]
_STYLES: dict[Mood, str] = {"going": "yellow", "done": "green", "failed": "bold red", "note": ""}
# Often enough for seconds with one decimal to look alive, seldom enough for a slow connection.
_REDRAWN_PER_SECOND = 5


def say(line: str) -> None:
    """Print a line at once: a log is read while it is written, and what is waited for must not stand in a buffer."""
    print(hide(line), flush=True)


@dataclass(frozen=True)
class Event:
    """Something happened to ``item`` of ``subject`` (to the subject itself when "").

    ``line`` is what a log says in place of ``text``, where a tree has the rest in its leaves.
    """

    subject: str
    text: str
    item: str = ""
    mood: Mood = "note"
    line: str = ""


class Display(Protocol):
    """What shows events as they come."""

    def show(self, event: Event) -> None:
        """Show one event."""


class Lines:
    """One line per event with the seconds since the start, for logs and pipes.

    An item's line comes when it is done or failed; that it goes on is said
    only for the subject, or a log would be twice as long and say no more.
    """

    def __init__(self, stream: TextIO, clock: Clock) -> None:
        self._stream = stream
        self._clock = clock
        self._start = clock.now()

    def show(self, event: Event) -> None:
        """Print the event at once: a log is read while it is written."""
        if event.item and event.mood == "going":
            return
        words = " ".join(word for word in (event.subject, event.item, event.line or event.text) if word)
        print(f"[{self._clock.now() - self._start:6.1f} s] {hide(words)}", file=self._stream, flush=True)


class Branches:
    """A tree that is redrawn in place: a branch per subject, a leaf per item with its latest text."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        # The screen is redrawn by a thread of its own, so that the seconds go on.
        self._lock = threading.Lock()
        self._subjects: dict[str, dict[str, Event]] = {}
        self._times: dict[str, tuple[float, float]] = {}

    def show(self, event: Event) -> None:
        """Replace what the tree says about the event's item."""
        now = self._clock.now()
        with self._lock:
            self._subjects.setdefault(event.subject, {})[event.item] = event
            self._times[event.subject] = (self._times.get(event.subject, (now, now))[0], now)

    def tree(self) -> Tree:
        """The tree as it stands now."""
        root = Tree("", hide_root=True)
        with self._lock:
            for subject, items in self._subjects.items():
                self._branch(root, subject, items)
        return root

    def _branch(self, root: Tree, subject: str, items: dict[str, Event]) -> None:
        start, last = self._times[subject]
        own = items.get("")
        end = self._clock.now() if own is None or own.mood == "going" else last
        branch = root.add(_line(subject, own, f"{end - start:.1f} s"))
        # A finished subject folds, so that a long run fits the screen; what failed stays in sight.
        folded = own is not None and own.mood in ("done", "note")
        for item, event in items.items():
            if item and (not folded or event.mood == "failed"):
                branch.add(_line(item, event, ""))


def _line(name: str, event: Event | None, elapsed: str) -> Text:
    # Text, not markup: AWS's reasons hold square brackets.
    return Text.assemble(
        (name, "bold" if elapsed else ""),
        "  ",
        (hide(event.text) if event else "", _STYLES[event.mood] if event else ""),
        "  ",
        (elapsed, "dim"),
    )


@contextmanager
def drawing(stream: TextIO | None = None, clock: Clock = SYSTEM) -> Iterator[Display]:
    """The display that suits the stream (standard output when None): a tree on a terminal, else lines."""
    out = sys.stdout if stream is None else stream
    if os.environ.get("CI") or not out.isatty():
        yield Lines(out, clock)
        return
    branches = Branches(clock)
    with Live(console=Console(file=out), get_renderable=branches.tree, refresh_per_second=_REDRAWN_PER_SECOND):
        yield branches
