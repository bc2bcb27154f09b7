"""All that a new service adds to the repository, worked out before a file is touched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gitops import environments, services
from gitops.environments import Environment
from gitops.errors import GitopsError
from gitops.newservice import inherited, names, routing, starting
from gitops.newservice.names import Names
from gitops.newservice.routing import Rule
from gitops.stacks import order
from gitops.taskdefs import documents, tree


@dataclass(frozen=True)
class Draft:
    """The texts of new files and of files that change, by their path below the root; ``folders`` are all new."""

    folders: tuple[Path, ...]
    created: Mapping[Path, str]
    changed: Mapping[Path, str]
    prefix: str
    priority: int


def draft(root: Path, service: str, source: str, path: str, priority: int | None) -> Draft:
    """The draft of ``service`` at the load balancer's ``path``, with the shape and sizes of ``source``.

    Reads the repository and writes nothing. Raises GitopsError when the name
    cannot be used or is, when ``source`` is no service, and as
    ``routing.prefix`` and ``routing.priority``.
    """
    known = environments.load_all(root)
    new = Names(service)
    _require_source(root, source, known)
    old = Names(source)
    folders = (Path("services", service), tree.FOLDER / service, Path("tests/services", new.module))
    _require_new(root, new, folders, known)
    _require_usable(new, known)
    prefix = routing.prefix(path)
    chosen = routing.priority(routing.patterns(prefix), rules(root, known), priority)

    created = starting.files(root, old, new, prefix)
    created[tree.FOLDER / service / tree.BASE] = inherited.task_definition(
        documents.read(root, tree.FOLDER / source / tree.BASE), source
    )
    place = {"ListenerPriority": str(chosen), "PathPatterns": ",".join(routing.patterns(prefix))}
    changed = {
        inherited.REGISTRY: inherited.registry(starting.read(root, str(inherited.REGISTRY)), old, new),
        inherited.DEVELOPMENT: inherited.development(starting.read(root, str(inherited.DEVELOPMENT)), source, service),
    }
    for name, environment in known.items():
        if source in environment.services:
            where = environments.FOLDER / f"{name}.yaml"
            given = environment.services[source]
            text = starting.read(root, str(where))
            changed[where] = inherited.environment(text, source, service, place, given, where)
            created[tree.FOLDER / service / f"{name}.json"] = "{}\n"
    return Draft(folders, created, changed, prefix, chosen)


def rules(root: Path, known: Mapping[str, Environment]) -> list[Rule]:
    """The load balancer rule of each service in each environment, defaults of the template filled in."""
    found = []
    for name, environment in known.items():
        registry = known.get(environment.registry, environment)
        for unit in order.load(root, environment, registry.account):
            if unit.service:
                patterns = tuple(one.strip() for one in unit.values["PathPatterns"].split(","))
                found.append(Rule(unit.service, name, int(unit.values["ListenerPriority"]), patterns))
    return found


def _require_usable(new: Names, known: Mapping[str, Environment]) -> None:
    wrong = names.problems(new, known.values())
    if wrong:
        raise GitopsError(wrong[0], others=tuple(wrong[1:]), fix="choose another name")


def _require_source(root: Path, source: str, known: Mapping[str, Environment]) -> None:
    there = services.names(root)
    if source not in there:
        raise GitopsError(
            f"no service named {source} (there are: {', '.join(there) or 'none'})", fix="give one of them as --from"
        )
    if not any(source in environment.services for environment in known.values()):
        raise GitopsError(f"{source} runs in no environment", fix="give another service as --from")


def _require_new(root: Path, new: Names, folders: tuple[Path, ...], known: Mapping[str, Environment]) -> None:
    # A folder of that name at the top would be taken for the service's package, or the other way round.
    there = [str(folder) for folder in (*folders, Path(new.module)) if (root / folder).exists()]
    there += [f"{environments.FOLDER}/{name}.yaml" for name, one in known.items() if new.service in one.services]
    if there:
        raise GitopsError(
            f"{new.service} is there already: {', '.join(there)}", fix="choose another name, or remove it"
        )
