"""What a reviewer should not miss in a task definition, in words: who may do what, size, each container."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Mapping

from gitops.taskdefs.documents import Document, Value, leaves, mapping, objects, spell
from gitops.taskdefs.fargate import cpu_units, memory_mib
from gitops.text import code, is_hidden

Risks = Iterator[str]
# GiB of every task on Fargate: docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-task-storage.html
STORAGE = 20
# A parameter as `gitops secret put` names it.
PARAMETER = re.compile(r"(?:arn:[^:]+:ssm:[^:]*:\d*:parameter)?/([^/]+)/([^/]+)/([^/]+)")
ROLES = {"taskRoleArn": "IAM: the task role", "executionRoleArn": "IAM: the execution role"}
KEYS = {key: key for key in ("family", "networkMode", "runtimePlatform", "pidMode", "requiresCompatibilities")}


def task_definition_risks(before: Document | None, after: Document | None, *, here: bool = False) -> list[str]:
    """The risks of going from one rendered task definition to another (None: there is none).

    Where its environment stands on this machine (``here``) nobody has to put its secrets: a rehearsal does.
    """
    if after is None:
        return ["the task definition is removed"]
    was = _by(before or {}, "containerDefinitions", "name")
    now = _by(after, "containerDefinitions", "name")
    # What has to be done first is read first.
    risks = (
        []
        if here
        else [f"{code(name)}: {risk}" for name, one in now.items() for risk in _needed(was.get(name, {}), one)]
    )
    if before is None:
        # All of the rest is new; what is compared with nothing says nothing, but a secret in plain text does.
        return [*risks, *_hidden_values({}, after)]
    risks += [*changed(before, after, ROLES), *_sizes(before, after), *changed(before, after, KEYS)]
    risks += [*_storage(before, after), *_volumes(before, after)]
    risks += [f"container {code(name)} is removed" for name in was if name not in now]
    for name, container in now.items():
        if name not in was:
            ends = "" if container.get("essential") is False else "; the task ends when it does"
            risks.append(f"container {code(name)} is new, with image {code(container.get('image'))}{ends}")
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


def _storage(before: Document, after: Document) -> Risks:
    was, now = (mapping(one.get("ephemeralStorage")).get("sizeInGiB", STORAGE) for one in (before, after))
    if was != now and isinstance(was, int) and isinstance(now, int):
        more = f"rises from {was} to {now} GiB, and what is beyond {STORAGE} is paid for"
        yield f"ephemeral storage {more if now > was else f'falls from {was} to {now} GiB'}"


def _volumes(before: Document, after: Document) -> Risks:
    for name, was, now in _both(before, after, "volumes", "name"):
        kind = next(
            (key for key, said in now.items() if key != "name" and said), "an empty one that ends with the task"
        )
        if not now:
            yield f"volume {code(name)} is removed"
        elif not was:
            yield f"volume {code(name)} is new: {kind}"
        elif was != now:
            yield f"volume {code(name)} is another: what it holds may be too"


def _needed(before: Document, after: Document) -> Risks:
    was = _read(before)
    for name, place in _read(after).items():
        if name not in was:
            yield f"secret {code(name)} is new: {_put(place)}"
        elif was[name] != place:
            yield f"secret {code(name)} comes from {code(place)}: {_put(place)}"


def _read(container: Document) -> dict[str, Value]:
    """Where each secret is that ECS reads before it starts a container: its own, its log's, its registry's."""
    named = [
        *objects(container.get("secrets")),
        *objects(mapping(container.get("logConfiguration")).get("secretOptions")),
    ]
    credentials = mapping(container.get("repositoryCredentials")).get("credentialsParameter")
    found = {str(one.get("name")): one.get("valueFrom") for one in named}
    return {**found, "repositoryCredentials": credentials} if credentials else found


def _secrets(before: Document, after: Document) -> Risks:
    plain = _by(after, "environment", "name")
    for name, _, now in _both(before, after, "secrets", "name"):
        if not now:
            yield f"secret {code(name)} {'becomes a plain environment variable' if name in plain else 'is removed'}"


def _put(place: Value) -> str:
    """What has to be done for a secret: no task starts that is to get one that is not there."""
    found = PARAMETER.fullmatch(str(place))
    if found:
        return f"before the merge, {code('gitops secret put ' + ' '.join(found.groups()))}"
    return f"before the merge, see that {code(place)} is there"


def _environment_files(before: Document, after: Document) -> Risks:
    was, now = ([str(one.get("value")) for one in objects(each.get("environmentFiles"))] for each in (before, after))
    for value in now:
        if value not in was:
            yield f"the file {code(value)} sets its environment, whoever writes that"
    for value in was:
        if value not in now:
            yield f"the file {code(value)} no longer sets its environment"
    if was != now and sorted(was) == sorted(now):
        yield "its environment files are read in another order, and of a variable in two the first counts"


def _command(before: Document, after: Document) -> Risks:
    for key, words in (("entryPoint", "entry point"), ("command", "command")):
        was, now = (one.get(key) for one in (before, after))
        if before and was != now:
            yield f"its {words} changes from {_words(was)} to {_words(now)}"


def _words(value: Value) -> str:
    return code(shlex.join(map(str, value))) if isinstance(value, list) and value else "the image's own"


def _mounts(before: Document, after: Document) -> Risks:
    for path, was, now in _both(before, after, "mountPoints", "containerPath"):
        if not now:
            yield f"nothing is mounted at {code(path)} any more"
        elif was.get("sourceVolume") != now.get("sourceVolume"):
            yield f"{code(now.get('sourceVolume'))} is mounted at {code(path)}"
        elif was.get("readOnly") and not now.get("readOnly"):
            yield f"it may write to {code(path)}"


def _dependencies(before: Document, after: Document) -> Risks:
    for name, was, now in _both(before, after, "dependsOn", "containerName"):
        if not now:
            yield f"it no longer waits for {code(name)}"
        elif was.get("condition") != now.get("condition"):
            yield f"it starts only when {code(name)} reaches {code(now.get('condition'))}"


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
    was, now = mapping(before.get("healthCheck")), mapping(after.get("healthCheck"))
    if was and not now:
        yield "its health check is gone"
    elif before and now and not was:
        yield "it has a health check now: a task that fails it is replaced"
    elif was.get("command") != now.get("command") and before:
        yield "its health check asks something else"
    for key in ("interval", "timeout", "retries", "startPeriod") if was and now else ():
        if was.get(key) != now.get(key):
            yield f"its health check's {key} changes from {code(was.get(key))} to {code(now.get(key))}"


def _running(before: Document, after: Document) -> Risks:
    if before and before.get("essential", True) and after.get("essential") is False:
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
    _environment_files,
    _isolation,
    _network,
    _command,
    _mounts,
    _health,
    _dependencies,
    _running,
)


def _by(document: Document, list_key: str, name_key: str) -> dict[str, Document]:
    return {str(item.get(name_key)): item for item in objects(document.get(list_key))}


def _both(before: Document, after: Document, list_key: str, name_key: str) -> Iterator[tuple[str, Document, Document]]:
    """Each element of a named list as it was and as it is: empty where it is not there."""
    was, now = _by(before, list_key, name_key), _by(after, list_key, name_key)
    yield from ((name, was.get(name, {}), now.get(name, {})) for name in {**was, **now})


def _capabilities(container: Document) -> dict[str, set[str]]:
    named = mapping(mapping(container.get("linuxParameters")).get("capabilities"))
    return {key: set(map(str, said)) if isinstance(said := named.get(key), list) else set() for key in ("add", "drop")}
