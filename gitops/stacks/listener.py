"""The services' rules on the load balancer: at which addresses each stands, and before which others.

A listener asks its rules in the order of their priority, the lowest number first, and the first
that matches takes the request: docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-rules.html.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from gitops.environments import Environment
from gitops.errors import GitopsError
from gitops.repository import Checkout, entry, template
from gitops.stacks import templates
from gitops.stacks.order import SERVICE

# docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateRule.html
LAST_PRIORITY = 50_000
LONGEST_PATTERN = 128
# Room for a rule between two others.
_STEP = 10
# Where the service's template has no default of its own.
_EVERYTHING = "/*"
_FOLDER = re.compile(r"((?:/[A-Za-z0-9][A-Za-z0-9_.-]*)+)/\*")
# Every service answers these itself: /health for the balancer, /static for the page at /.
_TAKEN_FOLDERS = ("health", "ready", "static")


@dataclass(frozen=True)
class Rule:
    """One service's rule in one environment."""

    service: str
    environment: str
    priority: int
    patterns: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.service} ({self.environment}, priority {self.priority}, {' and '.join(self.patterns)})"


def rules(checkout: Checkout, environments: Mapping[str, Environment]) -> list[Rule]:
    """The rule of each service in each environment that gives it a number, the template's patterns where none stand."""
    default = _EVERYTHING
    if (checkout.root / template(SERVICE)).exists():
        declared = templates.load(checkout, SERVICE).parameters.get("PathPatterns")
        default = (declared and declared.default) or default
    found = []
    for name, environment in environments.items():
        for service, given in environment.services.items():
            if given.get("ListenerPriority", "").isdigit():
                patterns = tuple(one.strip() for one in given.get("PathPatterns", default).split(","))
                found.append(Rule(service, name, int(given["ListenerPriority"]), patterns))
    return found


def problems(every: Collection[Rule]) -> list[str]:
    """A line for each two rules of an environment with one number, and for each that never gets a request."""
    found = []
    for name in sorted({rule.environment for rule in every}):
        here = sorted(
            (rule for rule in every if rule.environment == name), key=lambda rule: (rule.priority, rule.service)
        )
        for position, rule in enumerate(here):
            where = entry(name, rule.service)
            for earlier in here[:position]:
                if earlier.priority == rule.priority:
                    free = _free(rule, every)
                    found.append(f"{where}: ListenerPriority {rule.priority} belongs to {earlier.service} too{free}")
                elif taken := [one for one in rule.patterns if any(covers(wide, one) for wide in earlier.patterns)]:
                    found.append(f"{where}: {earlier} takes every request to {' and '.join(taken)}")
    return found


def _free(rule: Rule, every: Collection[Rule]) -> str:
    others = [one for one in every if one.service != rule.service]
    try:
        return f", and {priority(rule.service, rule.patterns, others)} is free"
    except GitopsError:
        return ""


def prefix(path: str) -> str:
    """The folder of a path such as ``/alerts/*``, without the end.

    Raises GitopsError for any other shape: the service answers below one
    folder, since the balancer takes nothing off an address.
    """
    match = _FOLDER.fullmatch(path)
    if match is None or len(path) > LONGEST_PATTERN:
        raise GitopsError(
            f'"{path}" is not a folder of the load balancer of at most {LONGEST_PATTERN} characters',
            fix="give one like --path '/alerts/*'",
        )
    if match[1].split("/")[1] in _TAKEN_FOLDERS:
        raise GitopsError(f"{match[1]} belongs to the services that are there", fix="give another --path")
    return match[1]


def patterns(folder: str) -> tuple[str, ...]:
    """What the rule of a folder matches: the folder itself too, which people type without its slash."""
    return (folder, f"{folder}/*")


@cache
def covers(wide: str, narrow: str) -> bool:
    """Whether ``wide`` surely matches every address that ``narrow`` matches (``*`` any text, ``?`` one character)."""
    if not wide:
        return not narrow
    if wide[0] == "*":
        return covers(wide[1:], narrow) or (bool(narrow) and covers(wide, narrow[1:]))
    if not narrow or narrow[0] == "*":
        return False
    return wide[0] in ("?", narrow[0]) and covers(wide[1:], narrow[1:])


@cache
def meet(one: str, other: str) -> bool:
    """Whether some address matches both patterns."""
    if one[:1] == "*":
        return meet(one[1:], other) or (bool(other) and meet(one, other[1:]))
    if other[:1] == "*":
        return meet(other, one)
    if not one or not other:
        return one == other
    return (one[0] == other[0] or "?" in (one[0], other[0])) and meet(one[1:], other[1:])


def priority(service: str, ours: Sequence[str], rules: Collection[Rule], wanted: int | None = None) -> int:
    """A free priority, the same for all environments, under which every service keeps what is its own.

    Which of the free ones follows from the name, so that two branches that each add a service choose differently.
    Ours stands before each rule that holds our addresses among others, and
    behind each that holds some of ours. Raises GitopsError when a rule has the
    very same addresses, when two rules share addresses and neither holds the
    other's, and when nothing (or not what was ``wanted``) is free in between.
    """
    wider = [rule for rule in rules if _relation(ours, rule) == "wider"]
    narrower = [rule for rule in rules if _relation(ours, rule) == "narrower"]
    before = min(wider, key=lambda rule: rule.priority, default=None)
    behind = max(narrower, key=lambda rule: rule.priority, default=None)
    taken = {rule.priority: rule for rule in rules}
    least = behind.priority + 1 if behind else 1
    most = before.priority - 1 if before else LAST_PRIORITY
    if wanted is not None:
        _require(wanted, least, most, taken, before, behind)
        return wanted
    free = [number for number in range(least, most + 1) if number not in taken]
    if not free:
        raise GitopsError(
            f"no ListenerPriority is free from {least} to {most}",
            fix=f"give {before or behind} another one and apply that first",
        )
    round_ones = [number for number in free if number % _STEP == 0] or free
    return round_ones[zlib.crc32(service.encode()) % len(round_ones)]


def _relation(ours: Sequence[str], rule: Rule) -> str:
    shared = [(mine, theirs) for mine in ours for theirs in rule.patterns if meet(mine, theirs)]
    if not shared:
        return "apart"
    ours_within = _each(shared, lambda pair: pair[0], lambda mine, theirs: covers(theirs, mine))
    theirs_within = _each(shared, lambda pair: pair[1], lambda mine, theirs: covers(mine, theirs))
    if ours_within == theirs_within:
        why = "has the same addresses" if ours_within else "has some of these addresses, and neither holds the other's"
        raise GitopsError(f"{rule} {why}: {' and '.join(ours)}", fix="give another --path")
    return "wider" if ours_within else "narrower"


def _each(
    shared: Iterable[tuple[str, str]], key: Callable[[tuple[str, str]], str], within: Callable[[str, str], bool]
) -> bool:
    """Whether each pattern that ``key`` picks lies within one of those it meets."""
    found: dict[str, bool] = {}
    for pair in shared:
        found[key(pair)] = found.get(key(pair), False) or within(*pair)
    return all(found.values())


def _require(
    wanted: int, least: int, most: int, taken: dict[int, Rule], before: Rule | None, behind: Rule | None
) -> None:
    if wanted in taken:
        raise GitopsError(f"ListenerPriority {wanted} belongs to {taken[wanted]}", fix="choose another --priority")
    if not least <= wanted <= most:
        why = f"{before} would take every request" if wanted > most else f"it would take {behind}'s requests"
        raise GitopsError(
            f"at ListenerPriority {wanted} {why}"
            if least <= LAST_PRIORITY and 1 <= wanted <= LAST_PRIORITY
            else f"ListenerPriority {wanted} is not from 1 to {LAST_PRIORITY}",
            fix=f"choose a --priority from {least} to {most}, or none",
        )
