"""What a reviewer should not miss in a task definition, in words: who may do what, size, each container."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from gitops.taskdefs.documents import Document, leaves, mapping, objects, spell
from gitops.taskdefs.fargate import cpu_units, memory_mib
from gitops.text import code, is_hidden

Risks = Iterator[str]
ROLES = {"taskRoleArn": "IAM: the task role", "executionRoleArn": "IAM: the execution role"}
KEYS = {key: key for key in ("family", "networkMode", "runtimePlatform", "pidMode", "requiresCompatibilities")}


def task_definition_risks(before: Document | None, after: Document | None) -> list[str]:
    """The risks of going from one rendered task definition to another (None: there is none)."""
    if after is None:
        return ["the task definition is removed"]
    if before is None:
        # All of it is new; what is compared with nothing says nothing, but a secret in plain text does.
        return list(_hidden_values({}, after))
    risks = [*changed(before, after, ROLES), *_sizes(before, after), *changed(before, after, KEYS)]
    was, now = _by(before, "containerDefinitions", "name"), _by(after, "containerDefinitions", "name")
    risks += [f"container {code(name)} is removed" for name in was if name not in now]
    for name, container in now.items():
        if name not in was:
            risks.append(f"container {code(name)} is new, with image {code(container.get('image'))}")
        for check in CONTAINER_CHECKS:
            risks += [f"{code(name)}: {risk}" for risk in check(was.get(name, {}), container)]
    return risks


def changed(before: Document, after: Document, words: Mapping[str, str]) -> Risks:
    """A line for each key that changes, with its words."""
    for key, word in words.items():
        if before.get(key) != after.get(key):
            yield f"{word} changes from {code(before.get(key))} to {code(after.get(key))}"


def _sizes(before: Document, after: Document) -> Risks:
    for key, read in (("cpu", cpu_units), ("memory", memory_mib)):
        was, now = read(str(before.get(key, ""))), read(str(after.get(key, "")))
        if was is not None and (now is None or now < was):
            yield f"{key} falls from {code(before.get(key))} to {code(after.get(key))}"


def _secrets(before: Document, after: Document) -> Risks:
    was, now = _by(before, "secrets", "name"), _by(after, "secrets", "name")
    plain = _by(after, "environment", "name")
    for name, secret in was.items():
        if name in plain and name not in now:
            yield f"secret {code(name)} becomes a plain environment variable"
        elif name not in now:
            yield f"secret {code(name)} is removed"
        elif now[name].get("valueFrom") != secret.get("valueFrom"):
            yield f"secret {code(name)} comes from {code(now[name].get('valueFrom'))}"


def _isolation(before: Document, after: Document) -> Risks:
    if before.get("readonlyRootFilesystem") and not after.get("readonlyRootFilesystem"):
        yield "its root file system becomes writable"
    if str(after.get("user", "")).partition(":")[0] in ("", "0", "root") and before.get("user") not in (None, "", "0"):
        yield "it runs as root, or as whoever the image says"
    if after.get("privileged") and not before.get("privileged"):
        yield "it becomes privileged"
    was, now = _capabilities(before), _capabilities(after)
    for name in sorted(now["add"] - was["add"]):
        yield f"it gets the capability {code(name)}"
    for name in sorted(was["drop"] - now["drop"]):
        yield f"it no longer drops the capability {code(name)}"


def _network(before: Document, after: Document) -> Risks:
    was, now = (set(_by(one, "portMappings", "containerPort")) for one in (before, after))
    for port in sorted(was - now):
        yield f"port {code(port)} is closed"
    for port in sorted(now - was) if before else []:
        yield f"port {code(port)} is opened"


def _health(before: Document, after: Document) -> Risks:
    was, now = before.get("healthCheck"), after.get("healthCheck")
    if was and not now:
        yield "its health check is gone"
    elif was and now and mapping(was).get("command") != mapping(now).get("command"):
        yield "its health check asks something else"


def _running(before: Document, after: Document) -> Risks:
    if before.get("essential", True) and after.get("essential") is False:
        yield "it is no longer essential: the task goes on without it"
    if before and before.get("logConfiguration") != after.get("logConfiguration"):
        yield "its output goes elsewhere" if after.get("logConfiguration") else "its output is lost"
    was, now = before.get("stopTimeout"), after.get("stopTimeout")
    if isinstance(was, int) and (not isinstance(now, int) or now < was):
        yield f"the time to stop in falls from {was} s to {now or 'the default of 30'} s"
    if before and before.get("image") != after.get("image"):
        yield f"its image changes from {code(before.get('image'))} to {code(after.get('image'))}"


def _hidden_values(before: Document, after: Document) -> Risks:
    known = {place for place, _ in leaves(before)}
    for place, value in leaves(after):
        if isinstance(value, str) and is_hidden(value) and place not in known:
            yield f"{code(spell(place))} looks like a secret in plain text"


CONTAINER_CHECKS: tuple[Callable[[Document, Document], Risks], ...] = (
    _secrets,
    _hidden_values,
    _isolation,
    _network,
    _health,
    _running,
)


def _by(document: Document, list_key: str, name_key: str) -> dict[str, Document]:
    return {str(item.get(name_key)): item for item in objects(document.get(list_key))}


def _capabilities(container: Document) -> dict[str, set[str]]:
    capabilities = mapping(mapping(container.get("linuxParameters")).get("capabilities"))
    return {key: set(map(str, capabilities.get(key) or [])) for key in ("add", "drop")}
