"""An environment against the commit that is checked out: its stacks, what stands in them, and its services.

Of a template counts what CloudFormation would act on, and nothing else. A change set for a comment, a description
or a checkov skip is empty, so the deployed text keeps the old one: were the texts compared, that would be drift
for ever.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import yaml

from gitops.cloudformation import Detected, Stack
from gitops.drift import resources, services
from gitops.drift.report import Compared, Difference, Drift, Finding, differences, shown, text
from gitops.drift.resources import Rule
from gitops.stacks import templates
from gitops.stacks.access import Access, Orphan
from gitops.stacks.order import Unit, group
from gitops.stacks.plan import request

# CloudFormation hides what a template declares NoEcho.
_NO_ECHO = "****"
# Parameters are compared by their values. An update cannot be of Description or Metadata alone.
SECTIONS: Final = ("Conditions", "Mappings", "Resources", "Outputs", "Rules", "Transform")
# Of a resource: where it stands in the order, and notes of other tools.
_NO_EFFECT: Final = {"Resources": {"DependsOn", "Metadata"}, "Outputs": {"Description"}}


def look(access: Access, units: Sequence[Unit]) -> Drift:
    """Compare every stack and service of an environment, and name the stacks that nothing asks for."""
    here = access.environment
    standing = access.standings(units)
    stands = [unit for unit in units if state(unit, here.environment, standing[unit.label]) is None]
    detected = access.cloudformation.detect(unit.stack_name for unit in stands)
    known = resources.rules(detected.values())
    compared = [_stack(access, unit, standing, detected.get(unit.stack_name), known) for unit in units]
    compared += [
        Compared("stack", orphan.label, (orphaned(orphan, here.environment),)) for orphan in access.left_over(units)
    ]
    compared += [services.look(access, unit) for unit in units if unit.runs]
    return Drift(here.environment, access.checkout.commit("HEAD"), tuple(compared))


def _stack(
    access: Access, unit: Unit, standing: Mapping[str, Stack], detected: Detected | None, known: Sequence[Rule]
) -> Compared:
    here = access.environment.environment
    there = standing[unit.label]
    broken = state(unit, here, there)
    if broken is not None or detected is None:
        return Compared("stack", unit.label, (broken,) if broken else ())
    wanted = request(access, unit, access.values(unit, standing), there)
    deployed = access.cloudformation.template(unit.stack_name)
    found: list[Finding] = compare(unit, here, there, deployed, wanted.parameters, wanted.tags)
    found += resources.findings(detected, str(unit.template.path), known)
    return Compared("stack", unit.label, tuple(found), resources.checked(detected), resources.not_checked(detected))


def state(unit: Unit, environment: str, stack: Stack) -> Finding | None:
    """Why a stack cannot be compared as it stands; None when it can."""
    step = stack.step
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
    stack: Stack,
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
        *_parameters(unit, stack.parameters, parameters, apply),
        *(
            Finding("drift", f"tag {name}", value, stack.tags.get(name, ""), apply)
            for name, value in sorted(tags.items())
            if stack.tags.get(name) != value
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
        found = template_differences(unit.template.body, deployed)
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
    words = f"gitops apply {environment} --stack {group(unit.label)}"
    return f"{words}, as administrator" if unit.bootstraps else f"dispatch Infrastructure, or {words}"


def effective(body: str) -> dict[str, Any]:
    """What a template's text (YAML or JSON) makes, without what makes nothing; yaml.YAMLError when it is neither."""
    document = templates.read(body)
    found: dict[str, Any] = {}
    for section in SECTIONS:
        content = document.get(section)
        if isinstance(content, dict) and section in _NO_EFFECT:
            content = {
                name: {key: value for key, value in one.items() if key not in _NO_EFFECT[section]}
                for name, one in content.items()
            }
        if content:
            found[section] = content
    return found


def template_differences(in_git: str, deployed: str) -> list[Difference]:
    """Where what is deployed would act otherwise than what git says."""
    return list(differences(effective(in_git), effective(deployed)))
