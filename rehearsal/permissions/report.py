"""The permissions of each role as people read them, and as programs do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from rehearsal.permissions.compared import Compared

NOT_USED = "not in this run"


def text(every: Iterable[Compared]) -> str:
    """How much of each role was used, and by name what was not, with the template's reason where it has one."""
    lines = ["permissions used, of those the templates grant; below each role what was not, and the template's reason"]
    for one in every:
        lines.append(f"{one.role.name}: {_counted(one)}")
        if not one.used:
            continue
        lines += _table([(p.sid, p.action, one.role.reasons.get(p, NOT_USED)) for p in one.unused])
    return "\n".join(lines)


def _counted(one: Compared) -> str:
    total = len(one.role.permissions)
    if one.unproven:
        return f"{total}, not proven here: {one.unproven}"
    if not total:
        return "grants nothing"
    return f"{len(one.used)} of {total}" + ("" if one.used else ", no step worked under it")


def data(every: Iterable[Compared]) -> list[dict[str, Any]]:
    """The same for a program."""
    return [
        {
            "role": one.role.name,
            "granted": len(one.role.permissions),
            "unproven": one.unproven or None,
            "used": [] if one.unproven else [p._asdict() for p in one.used],
            "unused": [] if one.unproven else [{**p._asdict(), "reason": one.role.reasons.get(p)} for p in one.unused],
        }
        for one in every
    ]


def _table(rows: Sequence[tuple[str, str, str]]) -> list[str]:
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(2)]
    return [f"    {sid:<{widths[0]}}  {action:<{widths[1]}}  {reason}" for sid, action, reason in rows]
