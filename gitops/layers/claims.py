"""What a file says about a service, and where two files say different things."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Claim:
    """One file's word on one topic."""

    topic: str
    value: str
    where: str


def disagreements(claims: Iterable[Claim]) -> list[str]:
    """A line for each topic on which the files differ, naming every value and who says it."""
    topics: dict[str, dict[str, list[str]]] = {}
    for claim in claims:
        places = topics.setdefault(claim.topic, {}).setdefault(claim.value, [])
        if claim.where not in places:
            places.append(claim.where)
    return [
        f"{topic}: " + ", but ".join(f"{value} in {' and '.join(places)}" for value, places in values.items())
        for topic, values in topics.items()
        if len(values) > 1
    ]
