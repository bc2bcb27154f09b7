"""A whole environment against the commit that is checked out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from gitops import git
from gitops.drift import detection, resources, services, stack
from gitops.drift.finding import Compared, Drift, Finding
from gitops.drift.resources import Detected, Rule
from gitops.stacks import orphans, planning
from gitops.stacks.access import Access
from gitops.stacks.live import LiveStack
from gitops.stacks.order import Unit
from gitops.stacks.waiting import Clock


def look(root: Path, access: Access, units: Sequence[Unit], clock: Clock) -> Drift:
    """Compare every stack and service of an environment, and name the stacks that nothing asks for."""
    here = access.environment
    client = access.cloudformation
    standing = planning.standings(access, list(units))
    stands = [unit for unit in units if stack.state(unit, here.environment, standing[unit.label]) is None]
    detected = detection.detect(client, [unit.stack_name for unit in stands], clock)
    known = resources.rules(detected.values())
    compared = [_stack(access, unit, standing, detected.get(unit.stack_name), known) for unit in units]
    compared += [
        Compared("stack", orphan.label, (stack.orphaned(orphan, here.environment),))
        for orphan in orphans.left_over(client, here)
    ]
    compared += [services.look(root, here, access.session, unit) for unit in units if unit.service]
    return Drift(here.environment, git.commit(root, "HEAD"), tuple(compared))


def _stack(
    access: Access, unit: Unit, standing: Mapping[str, LiveStack], detected: Detected | None, known: Sequence[Rule]
) -> Compared:
    here = access.environment.environment
    there = standing[unit.label]
    broken = stack.state(unit, here, there)
    if broken is not None or detected is None:
        return Compared("stack", unit.label, (broken,) if broken else ())
    wanted = planning.request(access, unit, planning.known_values(access, unit, standing), there)
    deployed = access.cloudformation.get_template(StackName=unit.stack_name, TemplateStage="Original")["TemplateBody"]
    # botocore reads a template that was given as JSON.
    body = deployed if isinstance(deployed, str) else json.dumps(deployed)
    found: list[Finding] = stack.compare(unit, here, there, body, wanted.parameters, wanted.tags)
    found += resources.findings(detected, str(unit.template.path), known)
    return Compared("stack", unit.label, tuple(found), detected.checked, detected.not_checked)
