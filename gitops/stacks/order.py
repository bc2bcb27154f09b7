"""Which stacks an environment has, where each parameter's value comes from, and the order that follows."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from gitops.environments import FOLDER as ENVIRONMENTS
from gitops.environments import Environment
from gitops.errors import GitopsError
from gitops.stacks import templates
from gitops.stacks.templates import Template

BOOTSTRAP = "bootstrap"
REGISTRY = "registry"
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
    def needs(self) -> frozenset[str]:
        """Labels of the stacks whose outputs it takes."""
        return frozenset(output.label for output in self.outputs.values())


def load(root: Path, environment: Environment, registry_account: str) -> list[Unit]:
    """The environment's stacks from the repository's templates, in the order they are applied."""
    names = [*environment.stacks, *([SERVICE] if environment.services else [])]
    return units(environment, {name: templates.load(root, name) for name in names}, registry_account)


def units(environment: Environment, known: Mapping[str, Template], registry_account: str) -> list[Unit]:
    """The environment's stacks with their parameters filled, dependencies first, bootstrap before all.

    A parameter takes, in this order: the environment file's value, what gitops
    provides, another stack's output of the same name, the template's default.
    Raises GitopsError naming every parameter that nobody fills, every value
    in the file that its template does not know, an output that two stacks
    have, and a cycle.
    """
    if SERVICE in environment.stacks:
        raise GitopsError(
            f"{_file(environment)} lists {SERVICE} under stacks", fix="a service's parameters stand under services"
        )
    declared = [(name, known[name], "", given) for name, given in environment.stacks.items()]
    declared += [
        (f"{SERVICE}-{service}", known[SERVICE], service, given) for service, given in environment.services.items()
    ]
    owners: dict[str, list[str]] = {}
    for label, template, _, _ in declared:
        for output in template.outputs:
            owners.setdefault(output, []).append(label)
    problems: list[str] = []
    filled: list[Unit] = []
    for label, template, service, given in declared:
        provided = _provided(environment, service, registry_account)
        unit, wrong = _fill(environment, label, template, service, given, provided, owners)
        filled.append(unit)
        problems += wrong
    if problems:
        raise GitopsError(problems[0], others=tuple(problems[1:]), fix=f"correct {_file(environment)} or the template")
    return _sorted(environment, filled)


def _file(environment: Environment) -> Path:
    return ENVIRONMENTS / f"{environment.environment}.yaml"


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
    problems = [
        f"{_file(environment)}: {label} has no parameter {name} (template {template.path})"
        for name in given
        if name not in template.parameters
    ]
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
                f"{_file(environment)}, no stack's output of that name, no default"
            )
    # A service's label already reads service-<name>, as its stack's name ends.
    name = environment.stack_name(template.name, service)
    return Unit(label, name, template, service, values, outputs), problems


def _sorted(environment: Environment, filled: list[Unit]) -> list[Unit]:
    by_label = {unit.label: unit for unit in filled}
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for unit in filled:
        # The others are executed under the service role that bootstrap makes.
        first = {BOOTSTRAP} if BOOTSTRAP in by_label and unit.label != BOOTSTRAP else set()
        sorter.add(unit.label, *(unit.needs | first))
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
    """The chosen stacks in their order; all but bootstrap when none is chosen.

    Raises GitopsError for a label that is none of the environment's stacks.
    """
    labels = {unit.label for unit in every}
    unknown = [label for label in chosen if label not in labels]
    if unknown:
        raise GitopsError(
            f"there is no stack {', '.join(unknown)} (there are: {', '.join(unit.label for unit in every)})",
            fix="check the spelling",
        )
    if not chosen:
        return [unit for unit in every if unit.label != BOOTSTRAP]
    return [unit for unit in every if unit.label in chosen]


def dependents(every: list[Unit], labels: Collection[str]) -> dict[str, list[str]]:
    """For each label, the other stacks that take its outputs (bootstrap: all others)."""
    return {
        label: [unit.label for unit in every if unit.label != label and (label in unit.needs or label == BOOTSTRAP)]
        for label in labels
    }
