"""The name of a new service, and every name that follows from it."""

from __future__ import annotations

import importlib.util
import keyword
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass

from gitops.environments import Environment
from gitops.errors import GitopsError

# An ECR repository takes these, and so do ECS, IAM, CloudFormation and Parameter Store.
_SHAPE = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
# docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html: the shortest limit of all a service's names.
_LONGEST_ROLE = 64
# docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-su-create.html: refused in any case.
_NOT_IN_PARAMETER_STORE = ("aws", "ssm")


@dataclass(frozen=True)
class Names:
    """A service's name, and what it is called where that name cannot stand."""

    service: str

    def __post_init__(self) -> None:
        """Raise GitopsError for a name of another shape than all of them take."""
        if not _SHAPE.fullmatch(self.service):
            raise GitopsError(
                f'"{self.service}" cannot name a service',
                fix="use lowercase letters and digits, a letter first, and single dashes between them",
            )

    @property
    def module(self) -> str:
        """The Python package: no dash may stand in it."""
        return self.service.replace("-", "_")

    @property
    def repository(self) -> str:
        """The logical id of its ECR repository in the registry's template."""
        return "".join(part.capitalize() for part in self.service.split("-")) + "Repository"


def problems(names: Names, environments: Iterable[Environment]) -> list[str]:
    """Why AWS or Python would refuse the name, each reason a line; empty when neither has one."""
    service = names.service
    found = []
    roles = (f"{service}-{environment.environment}-execution" for environment in environments)
    longest = max(roles, key=len, default="")
    if len(longest) > _LONGEST_ROLE:
        found.append(f"its role {longest} would have {len(longest)} characters; IAM takes {_LONGEST_ROLE}")
    if service.startswith(_NOT_IN_PARAMETER_STORE):
        found.append(f"Parameter Store refuses names that begin with {' or '.join(_NOT_IN_PARAMETER_STORE)}")
    if keyword.iskeyword(service):
        found.append(f"{service} is a word of the Python language")
    elif _is_importable(names.module):
        found.append(f"Python already has a module named {names.module}, which the service's would hide")
    return found


def _is_importable(module: str) -> bool:
    # The image may lack what this machine has, and the other way round: both count.
    return module in sys.stdlib_module_names or importlib.util.find_spec(module) is not None
