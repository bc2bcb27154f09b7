"""Which stacks an environment has, where each parameter's value comes from, and the order that follows."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from gitops import environments
from gitops.environments import Environment
from gitops.errors import GitopsError
from gitops.repository import Checkout, entry, environment_file
from gitops.stacks import templates
from gitops.stacks.templates import Template

# The entry for what an administrator applies; its parts, each a stack of a template of its own, begin with it.
BOOTSTRAP = "bootstrap"
# One stack a service, where the environment's registry is: images outlive what runs of them.
REPOSITORY = "repository"
SERVICE = "service"
# Its value depends on what is deployed, so it is asked of ECS when a stack is planned.
SERVICE_ENABLED = "ServiceEnabled"


@dataclass(frozen=True)
class Output:
    """A parameter's value comes from this output of another stack (named by its label)."""

    label: str
    name: str


@dataclass(frozen=True)
class Unit:
    """One stack of an environment: a template, and the service it is for.

    ``values`` are the parameters known from files, ``outputs`` those another
    stack gives. ``label`` is what a person types after ``--stack``.
    """

    label: str
    stack_name: str
    template: Template
    service: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, Output] = field(default_factory=dict)

    @property
    def asks_service_enabled(self) -> bool:
        """Whether the template has a ServiceEnabled parameter that no file decides."""
        return bool(self.service) and SERVICE_ENABLED in self.template.parameters and SERVICE_ENABLED not in self.values

    @property
    def runs(self) -> str:
        """The service whose tasks, secrets and revisions belong to this stack; "" for any other stack."""
        return self.service if self.label == f"{SERVICE}-{self.service}" else ""

    @property
    def bootstraps(self) -> bool:
        """Whether an administrator applies it, before all others."""
        return group(self.label) == BOOTSTRAP

    @property
    def needs(self) -> frozenset[str]:
        """Labels of the stacks whose outputs it takes."""
        return frozenset(output.label for output in self.outputs.values())


def group(label: str) -> str:
    """What a person calls the stack: bootstrap for each of its parts, its own label for any other."""
    return BOOTSTRAP if label == BOOTSTRAP or label.startswith(f"{BOOTSTRAP}-") else label


def groups(labels: Iterable[str]) -> list[str]:
    """The labels as a person calls them, each name once."""
    return list(dict.fromkeys(map(group, labels)))


def load(checkout: Checkout, environment: Environment) -> list[Unit]:
    """The environment's stacks from the repository's templates, in the order they are applied.

    Raises GitopsError as ``units`` does, and when its registry's environment has no file.
    """
    registry = environment
    if environment.registry != environment.environment:
        registry = environments.load(checkout, environment.registry)
    parts = [name for name in templates.names(checkout) if group(name) == BOOTSTRAP]
    names = [*environment.stacks, *([SERVICE] if environment.services else [])]
    if BOOTSTRAP in names and parts:
        names = [*parts, *(name for name in names if name != BOOTSTRAP)]
    images: set[str] = set()
    if REPOSITORY in environment.stacks:
        every = environments.load_all(checkout) | {environment.environment: environment}
        images = {
            service for one in every.values() if one.registry == environment.environment for service in one.services
        }
    return units(environment, {name: templates.load(checkout, name) for name in names}, registry.account, images)


def units(
    environment: Environment, known: Mapping[str, Template], registry_account: str, images: Collection[str] = ()
) -> list[Unit]:
    """The environment's stacks with their parameters filled, dependencies first, bootstrap before all.

    Each part of bootstrap gets those of its entry's values that it declares.
    ``images`` are the services, of any environment, whose repository is here: each is a stack of its own.
    A parameter takes, in this order: the environment file's value, what gitops
    provides, another stack's output of the same name, the template's default.
    Raises GitopsError naming every parameter that nobody fills, every value
    in the file that its template does not know, an output that two stacks
    have, and a cycle.
    """
    if SERVICE in environment.stacks:
        raise GitopsError(
            f"{_file(environment)} lists {SERVICE} under stacks",
            fix=f"a service's parameters stand in {entry(environment.environment, 'NAME')}",
        )
    part = next((name for name in environment.stacks if group(name) != name), None)
    if part is not None:
        raise GitopsError(
            f"{_file(environment)} lists {part} under stacks", fix=f"its parameters stand under {BOOTSTRAP}"
        )
    problems: list[str] = []
    declared = [
        (name, known[name], "", given)
        for name, given in environment.stacks.items()
        if name not in (REPOSITORY, BOOTSTRAP)
    ]
    if BOOTSTRAP in environment.stacks:
        given = environment.stacks[BOOTSTRAP]
        parts = [template for name, template in sorted(known.items()) if group(name) == BOOTSTRAP]
        problems += _unknown(_file(environment), BOOTSTRAP, given, parts)
        declared += [
            (one.name, one, "", {name: value for name, value in given.items() if name in one.parameters})
            for one in parts
        ]
    declared += [
        (f"{REPOSITORY}-{service}", known[REPOSITORY], service, environment.stacks[REPOSITORY])
        for service in sorted(images)
    ]
    declared += [
        (f"{SERVICE}-{service}", known[SERVICE], service, given) for service, given in environment.services.items()
    ]
    owners: dict[str, list[str]] = {}
    for label, template, _, _ in declared:
        for output in template.outputs:
            owners.setdefault(output, []).append(label)
    filled: list[Unit] = []
    for label, template, service, given in declared:
        provided = _provided(environment, service, registry_account)
        unit, wrong = _fill(environment, label, template, service, given, provided, owners)
        filled.append(unit)
        problems += wrong
    if problems:
        raise GitopsError(problems[0], others=tuple(problems[1:]), fix="correct the file or the template")
    return _sorted(environment, filled)


def _unknown(file: Path, label: str, given: Iterable[str], declaring: list[Template]) -> list[str]:
    """A line for each value that none of the templates declares."""
    where = f"template{'s' if len(declaring) > 1 else ''} {', '.join(str(one.path) for one in declaring)}"
    known = {name for one in declaring for name in one.parameters}
    return [f"{file}: {label} has no parameter {name} ({where})" for name in given if name not in known]


def _file(environment: Environment) -> Path:
    return environment_file(environment.environment)


def _provided(environment: Environment, service: str, registry_account: str) -> dict[str, str]:
    github = environment.github
    provided = {
        "Project": environment.project,
        "Environment": environment.environment,
        "GitHubOwner": github.owner,
        "GitHubRepository": github.repository,
        "GitHubOwnerId": github.owner_id,
        "GitHubRepositoryId": github.repository_id,
        "GitHubBranch": github.branch,
        "RegistryAccount": registry_account,
    }
    return {**provided, "Service": service} if service else provided


def _fill(
    environment: Environment,
    label: str,
    template: Template,
    service: str,
    given: Mapping[str, str],
    provided: Mapping[str, str],
    owners: Mapping[str, list[str]],
) -> tuple[Unit, list[str]]:
    file = entry(environment.environment, service) if label == f"{SERVICE}-{service}" else _file(environment)
    problems = _unknown(file, label, given, [template])
    values: dict[str, str] = {}
    outputs: dict[str, Output] = {}
    for name, parameter in template.parameters.items():
        sources = [owner for owner in owners.get(name, []) if owner != label]
        if name in given:
            values[name] = given[name]
        elif name in provided:
            values[name] = provided[name]
        elif name == SERVICE_ENABLED and service:
            continue
        elif len(sources) > 1:
            problems.append(
                f"{template.path}:{parameter.line}: {name} of {label} is an output of {' and '.join(sources)}"
            )
        elif sources:
            outputs[name] = Output(sources[0], name)
        elif parameter.default is not None:
            values[name] = parameter.default
        else:
            problems.append(
                f"{template.path}:{parameter.line}: nothing fills parameter {name} of {label}: no value in "
                f"{file}, no stack's output of that name, no default"
            )
    # A service's label already reads service-<name>, as its stack's name ends.
    name = environment.stack_name(template.name, service)
    return Unit(label, name, template, service, values, outputs), problems


def _sorted(environment: Environment, filled: list[Unit]) -> list[Unit]:
    by_label = {unit.label: unit for unit in filled}
    bootstrap = {unit.label for unit in filled if unit.bootstraps}
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for unit in filled:
        # The others are executed under the service role that bootstrap makes.
        sorter.add(unit.label, *(unit.needs if unit.bootstraps else unit.needs | bootstrap))
    try:
        sorter.prepare()
    except CycleError as error:
        path = " → ".join(error.args[1])
        raise GitopsError(
            f"the stacks of {environment.environment} need each other's outputs: {path}",
            fix="give one of those parameters a value or another name",
        ) from None
    ordered: list[Unit] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        ordered += [by_label[label] for label in ready]
        sorter.done(*ready)
    return ordered


def select(every: list[Unit], chosen: Collection[str]) -> list[Unit]:
    """The chosen stacks in their order, of bootstrap all parts; all but bootstrap when none is chosen.

    Raises GitopsError for what is none of the environment's stacks.
    """
    labels = {unit.label for unit in every}
    unknown = [label for label in chosen if label not in labels | set(groups(labels))]
    if unknown:
        raise GitopsError(
            f"there is no stack {', '.join(unknown)} (there are: {', '.join(unit.label for unit in every)})",
            fix="check the spelling",
        )
    if not chosen:
        return [unit for unit in every if not unit.bootstraps]
    return [unit for unit in every if unit.label in chosen or group(unit.label) in chosen]


def chooses_bootstrap(chosen: Iterable[str]) -> bool:
    """Whether bootstrap, or a part of it, is among the chosen stacks."""
    return BOOTSTRAP in groups(chosen)


def dependents(every: list[Unit], labels: Collection[str]) -> dict[str, list[str]]:
    """For each label, the other stacks that take its outputs (bootstrap: all others)."""
    return {
        label: [
            unit.label for unit in every if label in unit.needs or (group(label) == BOOTSTRAP and not unit.bootstraps)
        ]
        for label in labels
    }
