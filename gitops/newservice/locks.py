"""A part of a hashed lock: some requirements and all that they need, at the versions the whole lock has."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from gitops.errors import GitopsError

_VIA = re.compile(r"\s*#\s+(?:via\s+)?(\S.*)")


@dataclass(frozen=True)
class _Entry:
    """One pinned requirement: its lines down to the last hash, and who asks for it."""

    lines: tuple[str, ...]
    via: tuple[str, ...]


def part(lock: str, wanted: Collection[str], source: str, target: str) -> str:
    """The lock of ``target`` (a .in file) with the requirements ``wanted``, from the lock of ``source``.

    The same text that uv would write from the same versions. Raises GitopsError
    for a requirement that the lock does not hold.
    """
    header, entries = _parse(lock)
    missing = sorted(set(wanted) - entries.keys())
    if missing:
        raise GitopsError(
            f"the lock of {source} has no {' and '.join(missing)}, which a new service begins with",
            fix="give another service as --from",
        )
    kept = set(wanted)
    while more := {name for name, entry in entries.items() if kept.intersection(entry.via)} - kept:
        kept |= more
    lines = list(header)
    for name, entry in entries.items():
        if name in kept:
            asked = [f"-r {target}"] if name in wanted else []
            asked += [one for one in entry.via if one in kept]
            lines += [*entry.lines, *_via(asked)]
    return "\n".join(lines) + "\n"


def names(lock: str) -> set[str]:
    """The packages that a lock holds."""
    return set(_parse(lock)[1])


def _parse(lock: str) -> tuple[list[str], dict[str, _Entry]]:
    header: list[str] = []
    blocks: list[list[str]] = []
    for line in lock.splitlines():
        if line and not line[0].isspace() and not line.startswith("#"):
            blocks.append([line])
        else:
            (blocks[-1] if blocks else header).append(line)
    entries = {}
    for block in blocks:
        pinned = [line for line in block if not line.lstrip().startswith("#")]
        asked = (match[1] for line in block if line.lstrip().startswith("#") and (match := _VIA.fullmatch(line)))
        entries[block[0].partition("==")[0]] = _Entry(tuple(pinned), tuple(one for one in asked if one != "via"))
    return header, entries


def _via(asked: list[str]) -> list[str]:
    if len(asked) == 1:
        return [f"    # via {asked[0]}"]
    return ["    # via", *(f"    #   {one}" for one in asked)]
