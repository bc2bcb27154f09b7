"""What a template lets its roles do, one permission for each action of each statement.

A role's ``Metadata: Unrehearsed`` says why a permission is there that no rehearsal uses.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from gitops.environments import Environment
from gitops.errors import GitopsError

REASONS = "Unrehearsed"
_NAMED_FOR = "${Environment}-"


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
    """The roles of a template (short forms like !Sub as their plain values), in its order.

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
    written = str(properties.get("RoleName", ""))
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
