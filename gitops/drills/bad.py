"""A commit that cannot start: the live task definition with a command that exits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from gitops.environments import Environment
from gitops.errors import GitopsError
from gitops.taskdefs.model import register_input

SAYS = "a drill: this task ends on purpose"
# EX_TEMPFAIL of sysexits.h: a code that no crash of the service's own has.
EXIT_CODE = 75
COMMAND = ("sh", "-c", f"echo '{SAYS}'; exit {EXIT_CODE}")


def family(environment: Environment, service: str) -> str:
    """The family of such revisions, apart from the service's own."""
    return f"{environment.family(service)}-drill"


def doomed(
    described: Mapping[str, Any], tags: Iterable[Mapping[str, Any]], container: str, name: str
) -> dict[str, Any]:
    """What to register: the described revision under another family, its ``container`` exiting at once.

    It keeps its image, roles, secrets, log and tags, so all but the program is
    put to the test. Raises GitopsError when there is no such container.
    """
    allowed = set(register_input().members)
    document = {key: value for key, value in described.items() if key in allowed}
    containers = [dict(one) for one in described["containerDefinitions"]]
    found = [one for one in containers if one["name"] == container]
    if not found:
        raise GitopsError(f"the live task definition has no container {container}", fix="name the service's container")
    found[0]["command"] = list(COMMAND)
    found[0].pop("entryPoint", None)
    # What says which commit a revision is must not stand on one that no commit made.
    kept = [dict(tag) for tag in tags if tag["key"] in {"Project", "Environment", "Service"}]
    return {**document, "family": name, "containerDefinitions": containers, "tags": kept}
