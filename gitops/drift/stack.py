"""One stack against git: whether it is there, of this template, with these parameters and tags."""

from __future__ import annotations

from collections.abc import Mapping

import yaml

from gitops.drift import template
from gitops.drift.document import text
from gitops.drift.finding import Finding, shown
from gitops.stacks import states
from gitops.stacks.live import LiveStack
from gitops.stacks.order import BOOTSTRAP, Unit
from gitops.stacks.orphans import Orphan

# CloudFormation hides what a template declares NoEcho.
_NO_ECHO = "****"


def state(unit: Unit, environment: str, stack: LiveStack) -> Finding | None:
    """Why a stack cannot be compared as it stands; None when it can."""
    step = states.next_step(stack.status)
    if step == "create":
        return Finding("drift", "is not there", next=_apply(unit, environment))
    if step == "wait":
        return Finding("unproven", f"is being changed right now ({stack.status})", next="run this again later")
    if step in ("recreate", "repair"):
        reason = f": {stack.reason}" if stack.reason else ""
        return Finding("drift", f"is {stack.status}{shown('', reason)}", next=_apply(unit, environment))
    return None


def compare(
    unit: Unit,
    environment: str,
    stack: LiveStack,
    deployed: str,
    parameters: Mapping[str, str],
    tags: Mapping[str, str],
) -> list[Finding]:
    """What an apply would change of a stack that stands.

    ``deployed`` is the text of its template, ``parameters`` and ``tags`` are
    those that git asks for now, without the parameters whose source is missing.
    """
    apply = _apply(unit, environment)
    return [
        *_template(unit, deployed, apply),
        *_parameters(unit, stack.parameters or {}, parameters, apply),
        *(
            Finding("drift", f"tag {name}", value, (stack.tags or {}).get(name, ""), apply)
            for name, value in sorted(tags.items())
            if (stack.tags or {}).get(name) != value
        ),
        *([] if stack.protected else [Finding("drift", "termination protection", "on", "off", apply)]),
    ]


def orphaned(orphan: Orphan, environment: str) -> Finding:
    """A stack that stands though nothing asks for it."""
    return Finding(
        "drift",
        "no entry of the environment's file asks for it any more",
        next=f"put the entry back, or gitops destroy {environment} --stack {orphan.label} --confirm {environment}",
    )


def _template(unit: Unit, deployed: str, apply: str) -> list[Finding]:
    try:
        found = template.compare(unit.template.body, deployed)
    except (yaml.YAMLError, AttributeError):
        return [Finding("unproven", "its template is one that cannot be read", next=apply)]
    return [
        Finding(
            "drift",
            f"template {one.path}",
            expected=shown(one.path, text(one.expected)),
            actual=shown(one.path, text(one.actual)),
            next=apply,
        )
        for one in found
    ]


def _parameters(unit: Unit, live: Mapping[str, str], wanted: Mapping[str, str], apply: str) -> list[Finding]:
    found = []
    for name, parameter in sorted(unit.template.parameters.items()):
        if parameter.no_echo or live.get(name) == _NO_ECHO:
            found.append(Finding("note", f"parameter {name} is hidden by NoEcho and was not compared"))
        elif name not in wanted:
            source = unit.outputs[name].label if name in unit.outputs else "nothing"
            found.append(Finding("drift", f"parameter {name}", f"an output of {source}", live.get(name, ""), apply))
        elif wanted[name] != live.get(name):
            values = shown(name, wanted[name]), shown(name, live.get(name, ""))
            found.append(Finding("drift", f"parameter {name}", values[0], values[1], apply))
    return found


def _apply(unit: Unit, environment: str) -> str:
    words = f"gitops apply {environment} --stack {unit.label}"
    return f"{words}, as administrator" if unit.label == BOOTSTRAP else f"dispatch Infrastructure, or {words}"
