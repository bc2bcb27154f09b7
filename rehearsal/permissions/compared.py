"""Granted minus used: what no step of a rehearsal needed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

import msgspec

from rehearsal.permissions.granted import Permission, Role

# Under these the emulator never acts, so use proves nothing of them.
NOBODY_ACTS: Final = {
    "cloudformation.amazonaws.com": "the emulator's CloudFormation makes resources in its own name",
    "vpc-flow-logs.amazonaws.com": "no network here writes a flow log",
}


class Use(msgspec.Struct, frozen=True):
    """What the emulator remembers of a permission: rehearsal/emulator/used_permissions.py."""

    account: str
    role: str
    sid: str
    action: str
    count: int
    resources: list[str]


@dataclass(frozen=True)
class Compared:
    """A role with its permissions divided; ``unproven`` says why use tells nothing of them ("" where it does)."""

    role: Role
    used: tuple[Permission, ...]
    unused: tuple[Permission, ...]
    unproven: str = ""

    @property
    def unexplained(self) -> tuple[Permission, ...]:
        """Unused, and the template does not say why."""
        return tuple(one for one in self.unused if one not in self.role.reasons)

    @property
    def needless(self) -> tuple[Permission, ...]:
        """Used, though the template says why they would not be."""
        return tuple(one for one in self.used if one in self.role.reasons)


def compare(roles: Iterable[Role], uses: Iterable[Use]) -> list[Compared]:
    """Each role's permissions, used in any environment or in none."""
    known = list(uses)
    return [_one(role, [use for use in known if use.role in role.names]) for role in roles]


def _one(role: Role, uses: list[Use]) -> Compared:
    if reason := NOBODY_ACTS.get(role.service):
        return Compared(role, (), role.permissions, reason)
    used = tuple(one for one in role.permissions if any(_covers(one, use) for use in uses))
    return Compared(role, used, tuple(one for one in role.permissions if one not in used))


def _covers(permission: Permission, use: Use) -> bool:
    # Actions know no case, https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_action.html
    return permission.sid == use.sid and fnmatchcase(use.action.lower(), permission.action.lower())
