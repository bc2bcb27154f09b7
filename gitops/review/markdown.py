"""Markdown from text that others wrote: nothing in it may end a fence, fold a page or call a person."""

from __future__ import annotations

import re

# What GitHub stores of a comment, in characters; UTF-8 bytes, which some count here, are never fewer.
COMMENT_BUDGET = 65_536


def code(value: object) -> str:
    """A value as inline code, in more backticks than it holds; ``nothing`` where there is none."""
    if value is None or value == "":
        return "nothing"
    text = " ".join(str(value).split())
    ticks = "`" * (_longest_run(text) + 1)
    # CommonMark strips one space on each side, so a value may begin or end with a backtick.
    return f"{ticks} {text} {ticks}" if "`" in text else f"`{text}`"


def plain(text: str) -> str:
    """Text outside of code: no tag, no mention (@name), no link to an issue (#1), no other markup."""
    return re.sub(r"[^\w\s.,:;/()+-]|_", lambda match: f"&#{ord(match[0])};", " ".join(text.split()))


def fence(lines: tuple[str, ...], language: str) -> str:
    """Lines in a fence longer than any run of backticks inside."""
    text = "\n".join(lines)
    ticks = "`" * max(3, _longest_run(text) + 1)
    return f"{ticks}{language}\n{text}\n{ticks}"


def fold(title: str, body: str) -> str:
    """A body that opens on a click; ``title`` is text."""
    return f"<details><summary>{plain(title)}</summary>\n\n{body}\n\n</details>"


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall(r"`+", text)), default=0)
