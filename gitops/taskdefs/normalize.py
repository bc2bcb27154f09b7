"""Task definitions made comparable: what a file says against what ECS says it registered."""

from __future__ import annotations

import hashlib
import json

from botocore.model import ListShape, MapShape, Shape, StructureShape

from gitops.taskdefs.documents import Document, Value
from gitops.taskdefs.fargate import cpu_units, memory_mib
from gitops.taskdefs.validate import register_input

# What ECS fills in when a key is left out, by the structure's name in the service model.
DEFAULTS: dict[str, Document] = {
    "RegisterTaskDefinitionRequest": {"enableFaultInjection": False},
    "ContainerDefinition": {"essential": True, "versionConsistency": "enabled", "cpu": 0},
    "PortMapping": {"protocol": "tcp"},
    "MountPoint": {"readOnly": False},
    "VolumeFrom": {"readOnly": False},
    "HealthCheck": {"interval": 30, "timeout": 5, "retries": 3},
}
# Lists whose order ECS gives a meaning; every other list is a set to it.
ORDERED = frozenset({"command", "entryPoint", "environmentFiles", "dnsServers", "dnsSearchDomains"})


def normalize(document: Document) -> Document:
    """A task definition in the one form that equals every other spelling of it.

    Takes a rendered file or a described revision: keeps what RegisterTaskDefinition
    knows (so what ECS adds falls away without a list of names), drops what says
    nothing, fills in defaults and sorts what has no order.
    """
    normal = _structure(_with_host_ports(document), register_input())
    for key, read in (("cpu", cpu_units), ("memory", memory_mib)):
        amount = read(str(normal[key])) if key in normal else None
        if amount is not None:
            normal[key] = str(amount)
    return normal


def content_hash(document: Document) -> str:
    """SHA-256 (64 hexadecimal digits) of the normal form: equal for two spellings of one content."""
    return hashlib.sha256(_canonical(normalize(document)).encode()).hexdigest()


def _with_host_ports(document: Document) -> Document:
    """Under awsvpc the host's port is the container's; filled in before sorting, which looks at content."""
    if document.get("networkMode") != "awsvpc":
        return document
    containers = [
        {
            **container,
            "portMappings": [
                {**mapping, "hostPort": mapping["containerPort"]} if "containerPort" in mapping else mapping
                for mapping in container.get("portMappings") or []
            ],
        }
        for container in document.get("containerDefinitions") or []
    ]
    return {**document, "containerDefinitions": containers}


def _canonical(value: Value) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _structure(value: Document, shape: StructureShape) -> Document:
    normal: Document = dict(DEFAULTS.get(shape.name, {}))
    for key, member in shape.members.items():
        item = _value(value.get(key), member, key)
        # An empty value of a variable or a tag is a value. Elsewhere "" is how some answer "not set".
        if item is None or item in ([], {}) or (item == "" and key != "value"):
            continue
        normal[key] = item
    return normal


def _value(value: Value, shape: Shape, key: str) -> Value:
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        return _structure(value, shape)
    if isinstance(shape, ListShape) and isinstance(value, list):
        items = [_value(item, shape.member, "") for item in value]
        # A health check's command is called command as well.
        return items if key in ORDERED else sorted(items, key=_canonical)
    if isinstance(shape, MapShape) and isinstance(value, dict):
        return {name: text for name, text in value.items() if text is not None}
    return value
