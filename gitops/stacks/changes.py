"""A described change set as the list of changes that a reviewer reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import msgspec

from gitops.text import hide_value

Replacement = Literal["no", "yes", "uncertain"]
# CloudFormation's word for a value that exists only once the change set ran.
KNOWN_AFTER_APPLY = "{{changeSet:KNOWN_AFTER_APPLY}}"
_WORLD = ("0.0.0.0/0", "::/0")
_RANK = {"replace": 0, "remove": 1, "uncertain": 2, "change": 3, "import": 4, "add": 5, "perhaps": 6}


class Property(msgspec.Struct, frozen=True, order=True):
    """A changed property: its path, values where CloudFormation tells them, and what it does to the resource.

    ``recreates`` is CloudFormation's RequiresRecreation: Never, Conditionally or Always.
    """

    path: str
    before: str = ""
    after: str = ""
    recreates: str = "Never"
    cause: str = ""


class Change(msgspec.Struct, frozen=True):
    """One resource's change. ``policy`` says what becomes of the old one: Delete, Retain, Snapshot …

    ``condition`` is one that the resource stands under and that nobody can decide yet.
    """

    action: str
    logical_id: str
    type: str
    replacement: Replacement = "no"
    policy: str = ""
    condition: str = ""
    world: bool = False
    properties: tuple[Property, ...] = ()

    @property
    def kind(self) -> str:
        """The change in the plan's words: add, perhaps (added), change, replace, uncertain, remove or import."""
        if self.replacement == "yes":
            return "replace"
        if self.replacement == "uncertain" or self.action == "Dynamic":
            return "uncertain"
        if self.condition:
            return "perhaps"
        return {"Add": "add", "Remove": "remove", "Import": "import"}.get(self.action, "change")

    @property
    def causes(self) -> tuple[Property, ...]:
        """The properties that make, or may make, CloudFormation replace the resource."""
        return tuple(one for one in self.properties if one.recreates != "Never")


def read(described: Iterable[Mapping[str, Any]]) -> tuple[Change, ...]:
    """The changes of DescribeChangeSet's ``Changes`` (with IncludePropertyValues), riskiest first."""
    found = [_change(entry["ResourceChange"]) for entry in described if "ResourceChange" in entry]
    return tuple(sorted(found, key=lambda change: (_RANK[change.kind], change.logical_id)))


def _change(raw: Mapping[str, Any]) -> Change:
    properties = tuple(sorted({_property(detail) for detail in raw.get("Details", ())}))
    return Change(
        action=raw["Action"],
        logical_id=raw["LogicalResourceId"],
        type=raw["ResourceType"],
        replacement=_replacement(raw),
        policy=raw.get("PolicyAction", ""),
        world="SecurityGroup" in raw["ResourceType"] and any(cidr in raw.get("AfterContext", "") for cidr in _WORLD),
        properties=properties,
    )


def _property(detail: Mapping[str, Any]) -> Property:
    target = detail.get("Target", {})
    path = (target.get("Path") or "").removeprefix("/Properties/") or target.get("Name") or target.get("Attribute", "")
    return Property(
        path=path,
        before=hide_value(path, target.get("BeforeValue", "")),
        after=hide_value(path, target.get("AfterValue", "")),
        recreates=target.get("RequiresRecreation", "Never") or "Never",
        cause=detail.get("CausingEntity", ""),
    )


def _replacement(raw: Mapping[str, Any]) -> Replacement:
    """CloudFormation's Replacement, except that a cause not known yet makes it uncertain.

    It answers True as soon as a property that recreates *may* change; when
    every such property is evaluated only while it runs, or becomes a value
    known only then, the resource may well stay.
    """
    said = raw.get("Replacement", "False")
    if said != "True":
        return "uncertain" if said == "Conditional" else "no"
    causes = [
        detail
        for detail in raw.get("Details", ())
        if detail.get("Target", {}).get("RequiresRecreation", "Never") in {"Always", "Conditionally"}
    ]
    if causes and all(_known_later(detail) for detail in causes):
        return "uncertain"
    return "yes"


def _known_later(detail: Mapping[str, Any]) -> bool:
    after = detail.get("Target", {}).get("AfterValue", "")
    return KNOWN_AFTER_APPLY in after or (detail.get("Evaluation") == "Dynamic" and not after)


class Counts(msgspec.Struct, frozen=True):
    """How many resources a plan adds, changes, replaces (both surely or perhaps) and removes."""

    added: int = 0
    perhaps: int = 0
    changed: int = 0
    replaced: int = 0
    uncertain: int = 0
    removed: int = 0
    imported: int = 0

    def __str__(self) -> str:
        words = [f"{self.added} added"]
        if self.perhaps:
            words.append(f"{self.perhaps} perhaps added")
        words += [f"{self.changed} changed", f"{self.replaced} {'REPLACED' if self.replaced else 'replaced'}"]
        if self.uncertain:
            words.append(f"{self.uncertain} PERHAPS REPLACED")
        words.append(f"{self.removed} removed")
        if self.imported:
            words.append(f"{self.imported} imported")
        return ", ".join(words)


def count(changes: Iterable[Change]) -> Counts:
    """Count changes by kind."""
    kinds = Counter(change.kind for change in changes)
    return Counts(*(kinds[kind] for kind in ("add", "perhaps", "change", "replace", "uncertain", "remove", "import")))


def risks(label: str, changes: Sequence[Change]) -> list[str]:
    """What a reviewer must not miss, in words, riskiest first."""
    found = []
    for change in changes:
        name = f"{label}/{change.logical_id} ({change.type})"
        because = ", ".join(dict.fromkeys(_because(one) for one in change.causes)) or "its type changes"
        if change.kind == "replace":
            found.append(f"REPLACEMENT of {name}: {because}{_fate(change.policy)}")
        elif change.kind == "uncertain":
            found.append(f"perhaps REPLACEMENT of {name}: {because}, known only while it is applied")
        elif change.kind == "remove":
            found.append(f"removal of {name}{_fate(change.policy)}")
        if change.type.startswith("AWS::IAM::") and change.kind not in {"add", "perhaps", "remove"}:
            found.append(f"IAM: {name} changes {', '.join(dict.fromkeys(one.path for one in change.properties))}")
        if change.world and change.kind != "remove":
            found.append(f"public ingress or egress: {name} is open to the world")
    return found


def _because(one: Property) -> str:
    return f"{one.path} (through {one.cause})" if one.cause else one.path


def _fate(policy: str) -> str:
    kept = {"Retain": "kept outside of the stack", "Snapshot": "deleted after a snapshot", "Delete": "deleted"}
    words = kept.get(policy.removeprefix("ReplaceAnd"), "")
    return f"; the old one is {words}" if words else ""
