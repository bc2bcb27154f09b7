"""After all workflows ran: which permissions nobody used, and which are said to be unused and are not."""

from __future__ import annotations

from rehearsal.permissions.command import compared
from rehearsal.permissions.compared import Compared
from tests.rehearsal.runner.stage import Stage


def unexplained(stage: Stage) -> set[str]:
    """Granted, used by no workflow, and the template gives no reason."""
    return {f"{one.role.name}: {permission}" for one in _proven(stage) for permission in one.unexplained}


def needless(stage: Stage) -> set[str]:
    """The template gives a reason for what a workflow does use."""
    return {f"{one.role.name}: {permission}" for one in _proven(stage) for permission in one.needless}


def _proven(stage: Stage) -> list[Compared]:
    return [one for one in compared(stage.clone.path, stage.runner.running.endpoint) if not one.unproven]
