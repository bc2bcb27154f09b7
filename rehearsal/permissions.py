"""What the templates let each role do, what of it the rehearsal's roles used, and what is left over.

A template grants one permission for each action of each statement. A role's ``Metadata: Unrehearsed`` says why a
permission is there that no rehearsal uses.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Final, NamedTuple

import msgspec
import requests

from gitops import Checkout, Environment, GitopsError, load_all
from gitops.stacks import templates
from rehearsal import daemons, page
from rehearsal.emulator import USED_PERMISSIONS

REASONS = "Unrehearsed"
_NAMED_FOR = "${Environment}-"
NOT_USED = "not in this run"
# Under these the emulator never acts, so use proves nothing of them.
NOBODY_ACTS: Final = {
    "cloudformation.amazonaws.com": "each call is held against it, and none counted",
    "vpc-flow-logs.amazonaws.com": "no network here writes a flow log",
}


def permissions(checkout: Checkout, say: Callable[[str], None], *, as_json: bool = False) -> int:
    """Print what each role used and did not; always 0. GitopsError when no rehearsal runs."""
    running = daemons.load(checkout)
    if running is None:
        raise GitopsError("no rehearsal runs in this clone", fix="make rehearse, or make workflows")
    found = compared(checkout, running.endpoint)
    say(json.dumps(data(found), indent=2) if as_json else text(found))
    return 0


def compared(checkout: Checkout, endpoint: str) -> list[Compared]:
    """Every role of every template of the checkout, against what the emulator at ``endpoint`` has seen.

    Raises GitopsError when it does not answer, or when a template cannot be read.
    """
    every = load_all(checkout).values()
    names = templates.names(checkout)
    granted = [role for name in names for role in roles(templates.load(checkout, name).content, name, every)]
    return compare(granted, uses(endpoint))


def uses(endpoint: str) -> list[Use]:
    """What the emulator remembers; GitopsError when it does not answer."""
    with page.loopback() as session:
        try:
            answer = session.get(endpoint + USED_PERMISSIONS, timeout=10)
            answer.raise_for_status()
            return msgspec.json.decode(answer.content, type=list[Use])
        except (requests.RequestException, msgspec.DecodeError) as error:
            raise GitopsError(f"the emulator does not say what was used: {error}", fix="make rehearse") from None


class Permission(NamedTuple):
    """An action as a policy writes it, wildcards and all, and the Sid of its statement."""

    sid: str
    action: str

    def __str__(self) -> str:
        return f"{self.sid}/{self.action}"


@dataclass(frozen=True)
class Role:
    """A role of a template, which every environment has its own of.

    ``names`` are what IAM calls it, ``service`` the AWS service that works under it ("" for a job's role),
    ``reasons`` why a permission is not used where it could be.
    """

    name: str
    names: frozenset[str]
    service: str
    permissions: tuple[Permission, ...]
    reasons: Mapping[Permission, str] = field(default_factory=dict)


def roles(document: Mapping[str, Any], template: str, environments: Iterable[Environment]) -> list[Role]:
    """The roles of a template's content, in its order.

    Raises GitopsError where a statement has no Sid of its own in the role, and where a reason is given for a
    permission that is not granted: neither could be told apart in a report.
    """
    every = list(environments)
    return [
        _role(resource, f"{template}.yaml: {logical_id}", every)
        for logical_id, resource in document["Resources"].items()
        if resource["Type"] == "AWS::IAM::Role"
    ]


def _role(resource: Mapping[str, Any], where: str, environments: list[Environment]) -> Role:
    properties = resource["Properties"]
    written = templates.written(properties.get("RoleName"))
    if _NAMED_FOR not in written:
        raise GitopsError(f"{where} is not named for its environment: {written}", fix=f"RoleName: …{_NAMED_FOR}…")
    permissions = tuple(_permissions(properties.get("Policies", []), where))
    return Role(
        name=written.rsplit(_NAMED_FOR, 1)[1],
        names=frozenset(_names(written, environments)),
        service=_service(properties["AssumeRolePolicyDocument"]),
        permissions=permissions,
        reasons=_reasons(resource.get("Metadata", {}).get(REASONS, []), permissions, where),
    )


def _permissions(policies: Iterable[Mapping[str, Any]], where: str) -> Iterator[Permission]:
    sids = set()
    for policy in policies:
        for statement in _as_list(policy["PolicyDocument"]["Statement"]):
            sid = statement.get("Sid", "")
            if not sid or sid in sids:
                raise GitopsError(f"{where} has a statement without a Sid of its own: {sid}", fix="name it")
            sids.add(sid)
            if statement["Effect"] == "Allow":
                for action in sorted(_as_list(statement["Action"])):
                    yield Permission(sid, action)


def _reasons(written: Iterable[Mapping[str, Any]], known: Iterable[Permission], where: str) -> dict[Permission, str]:
    by_name = {str(permission): permission for permission in known}
    found: dict[Permission, str] = {}
    for one in written:
        for name in one["Permissions"]:
            if name not in by_name:
                raise GitopsError(f"{where} gives a reason for {name}, which it does not grant", fix="correct either")
            found[by_name[name]] = " ".join(str(one["Because"]).split())
    return found


def _names(written: str, environments: list[Environment]) -> Iterator[str]:
    for environment in environments:
        named = written.replace("${Project}", environment.project).replace("${Environment}", environment.environment)
        for service in environment.services:
            yield named.replace("${Service}", service)
        if not environment.services:
            yield named


def _service(trust: Mapping[str, Any]) -> str:
    principals = (statement.get("Principal", {}) for statement in _as_list(trust["Statement"]))
    return next((str(principal["Service"]) for principal in principals if "Service" in principal), "")


def _as_list(value: Any) -> list[Any]:  # noqa: ANN401 (what IAM lets stand alone or in a list)
    return value if isinstance(value, list) else [value]


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


def text(every: Iterable[Compared]) -> str:
    """How much of each role was used, and by name what was not, with the template's reason where it has one."""
    lines = ["permissions used, of those the templates grant; below each role what was not, and the template's reason"]
    for one in every:
        lines.append(f"{one.role.name}: {_counted(one)}")
        if one.used and one.unused:
            widths = [max(map(len, column)) for column in zip(*one.unused, strict=True)]
            lines += [
                f"    {p.sid:<{widths[0]}}  {p.action:<{widths[1]}}  {one.role.reasons.get(p, NOT_USED)}"
                for p in one.unused
            ]
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
