"""Environments: every value that differs between staging, production and the rehearsal.

``infra/environments/ENVIRONMENT.yaml``, and beside it ``ENVIRONMENT/SERVICE.yaml`` for each service that runs there.
"""

from __future__ import annotations

import re
import sys
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal, TypeVar

import msgspec
import yaml

from gitops.errors import GitopsError
from gitops.repository import ENVIRONMENTS, Checkout, entry, environment_file

# What the files of an environment's services fill.
_ENTRIES = {"services", "rehearsals"}
_Read = TypeVar("_Read")


class _Loader(yaml.CSafeLoader):
    """Safe, and it refuses a key that stands twice: YAML would silently keep the last one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        for position, key in enumerate(keys):
            if key in keys[:position]:
                mark = node.value[position][0].start_mark
                raise yaml.constructor.ConstructorError(problem=f"the key {key} stands twice", problem_mark=mark)
        return super().construct_mapping(node, deep)


class GitHub(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The repository whose workflow jobs the environment's roles trust.

    Repositories created after 2026-07-15 send the owner's and the repository's
    id in the OIDC subject, older ones the names alone; the trust covers both.
    """

    owner: str
    repository: str
    owner_id: str
    repository_id: str
    branch: str = "main"


class StandIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What stands on this machine for that which a service asks.

    ``run`` starts it, with the service's secrets among its variables; a behaviour
    behind ``tell`` makes it behave: one of ``failing``, or ``normal``. In both,
    ``python`` is the one that runs and ``{state}`` a folder that both know; in
    ``run`` and in ``variables``, which lead the tasks to it, ``{port}`` is where it
    listens on 127.0.0.1. Where the shell sets ``unless``, none is started, and they lead to
    the real one by ``real``. ``shows`` is what only its answers put on the page.
    """

    run: Annotated[list[str], msgspec.Meta(min_length=1)]
    variables: dict[str, str]
    unless: str = ""
    real: dict[str, str] = {}
    tell: list[str] = []
    failing: list[str] = []
    normal: str = ""
    shows: list[str] = []

    def start(self, state: str, port: int) -> list[str]:
        """The command that starts it."""
        return _command(self.run, state, port)

    def behave(self, behaviour: str, state: str) -> list[str]:
        """The command that tells a running one how to behave."""
        return [*_command(self.tell, state, None), behaviour]


class Rehearsal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a service needs, and has to show, where AWS is this machine.

    ``ready`` is a path that asks the stand-in each time and answers 503 while that
    fails; ``page`` is looked at when the service is shipped, for the words ``shows``.
    """

    stand_in: StandIn | None = None
    ready: str = ""
    page: str = ""
    shows: list[str] = []


class Service(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A service's entry in an environment: a file of its own, so that no two services share a line."""

    parameters: dict[str, str] = {}
    rehearsal: Rehearsal | None = None


class Environment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One environment: an AWS account and region, its stacks and its services."""

    environment: str
    project: str
    account: str
    region: str
    github: GitHub
    registry: str
    stacks: dict[str, dict[str, str]]
    services: dict[str, dict[str, str]] = {}
    variables: dict[str, str] = {}
    aws_config_file: str | None = None
    happen: list[str] = []
    rehearsals: dict[str, Rehearsal] = {}
    builders: list[Literal["docker", "pack"]] = msgspec.field(default_factory=lambda: ["docker"])
    requires: list[Literal["provenance", "image-scan"]] = []

    @property
    def cluster(self) -> str:
        """The ECS cluster's name."""
        return f"{self.project}-{self.environment}"

    def family(self, service: str) -> str:
        """The task definition family of a service here."""
        return f"{service}-{self.environment}"

    def repository(self, service: str) -> str:
        """The ECR repository's name of a service."""
        return f"{self.project}/{service}"

    def stack_name(self, template: str, service: str = "") -> str:
        """The CloudFormation stack made of a template here."""
        return "-".join(part for part in (self.project, self.environment, template, service) if part)

    def state(self, service: str) -> str:
        """The folder below the root for what stands here for a service, beside ``aws_config_file``."""
        return (PurePosixPath(self.aws_config_file or "").parent / "stand-ins" / service).as_posix()

    def happening(self, *words: str) -> list[str]:
        """The command that has something happen that happens on AWS now and then; none on AWS itself.

        ``words`` are its kind and what else is to be said of it; without them it
        says what has not happened yet, a line each: ``due: KIND``.
        """
        told = self.happen and self.aws_config_file is not None
        return [*_command(self.happen, "", None), *words] if told else []

    def rehearsal(self, service: str) -> Rehearsal:
        """What its file says of a service on this machine; nothing but defaults where it says nothing."""
        return self.rehearsals.get(service) or Rehearsal()

    def page(self, service: str) -> str:
        """A path of the load balancer that a service is sure to answer.

        The one its file names, else the health check's where the load balancer sends
        that to the service, else the beginning of the service's paths.
        """
        health = self.services[service].get("HealthCheckPath", "/health")
        if named := self.rehearsal(service).page:
            return named
        if any(fnmatchcase(health, pattern) for pattern in self._patterns(service)):
            return health
        return self.beginning(service)

    def beginning(self, service: str) -> str:
        """What the first of a service's paths begins with."""
        return re.split(r"[*?]", self._patterns(service)[0])[0]

    def _patterns(self, service: str) -> list[str]:
        return [one.strip() for one in self.services[service].get("PathPatterns", "/*").split(",")]

    def chosen_service(self, service: str | None) -> str:
        """The one given, else the only one; GitopsError where it is not one of these, or which is not said."""
        if service is None and len(self.services) == 1:
            return next(iter(self.services))
        if service is None:
            raise GitopsError(f"which service of {self.environment}? ({self._known()})", fix="--service NAME")
        self.require_service(service)
        return service

    def require_service(self, service: str) -> None:
        """Raise GitopsError unless the service is one of this environment's."""
        if service not in self.services:
            raise GitopsError(
                f"{service} is not a service of {self.environment} ({self._known()})",
                fix=f"add {entry(self.environment, service)} or check the spelling",
            )

    def _known(self) -> str:
        return f"its services: {', '.join(sorted(self.services)) or 'none'}"


def names(checkout: Checkout) -> list[str]:
    """The names of all environments that have a file, sorted."""
    return sorted(path.stem for path in (checkout.root / ENVIRONMENTS).glob("*.yaml"))


def load(checkout: Checkout, name: str) -> Environment:
    """Read and check one environment's file and those of its services.

    Raises GitopsError when there is no such environment, when the file is not
    YAML, and when a field is missing, unknown or of the wrong type (with its path).
    """
    if name not in names(checkout):
        raise GitopsError(
            f"no environment named {name} (there are: {', '.join(names(checkout))})",
            fix=f"check the spelling, or add {environment_file(name)}",
        )
    where = environment_file(name)
    raw = _document(checkout, where)
    for key in _ENTRIES & (raw.keys() if isinstance(raw, dict) else set()):
        raise GitopsError(f"{where}: {key} stands in a file of each service", fix=f"write {entry(name, 'NAME')}")
    files = [path.relative_to(checkout.root) for path in sorted((checkout.root / ENVIRONMENTS / name).glob("*.yaml"))]
    given = {file.stem: _converted(_document(checkout, file), Service, file) for file in files}
    environment = msgspec.structs.replace(
        _converted(raw, Environment, where),
        services={service: one.parameters for service, one in given.items()},
        rehearsals={service: one.rehearsal for service, one in given.items() if one.rehearsal},
    )
    if environment.environment != name:
        raise GitopsError(f"{where} says environment: {environment.environment}", fix=f"write environment: {name}")
    if not (environment.account.isdigit() and len(environment.account) == 12):
        raise GitopsError(f'{where}: account is not 12 digits: "{environment.account}"', fix="correct the file")
    return environment


def load_all(checkout: Checkout) -> dict[str, Environment]:
    """Every environment by name.

    Raises GitopsError as ``load`` does, and for services of an environment that has no file.
    """
    known = names(checkout)
    for path in sorted((checkout.root / ENVIRONMENTS).glob("*/*.yaml")):
        name = path.parent.name
        if name not in known:
            raise GitopsError(
                f"{path.relative_to(checkout.root)}: there is no environment {name} (there are: {', '.join(known)})",
                fix=f"rename its folder, or add {environment_file(name)}",
            )
    return {name: load(checkout, name) for name in known}


def rehearsed(checkout: Checkout, name: str | None = None) -> Environment:
    """The environment that stands on this machine, one with profiles of its own.

    Raises GitopsError where the one named is none, and without a name where there
    is not exactly one.
    """
    if name is not None:
        environment = load(checkout, name)
        if environment.aws_config_file is None:
            raise GitopsError(f"{name} is in AWS: it names no aws_config_file", fix="name one that stands here")
        return environment
    found = [one for one in load_all(checkout).values() if one.aws_config_file is not None]
    if len(found) != 1:
        names = ", ".join(one.environment for one in found) or "none"
        raise GitopsError(
            f"which environment stands on this machine? (there are: {names})",
            fix=f"--environment NAME of a file in {ENVIRONMENTS} with an aws_config_file",
        )
    return found[0]


def deployed(checkout: Checkout) -> dict[str, Environment]:
    """The environments that workflows deploy to (those without profiles of their own), images' home first."""
    every = {name: one for name, one in load_all(checkout).items() if one.aws_config_file is None}
    return dict(sorted(every.items(), key=lambda item: (item[1].registry != item[0], item[0])))


def _document(checkout: Checkout, where: Path) -> Any:  # noqa: ANN401 (what YAML holds)
    try:
        return yaml.load((checkout.root / where).read_bytes(), Loader=_Loader)  # noqa: S506 (it is a safe loader)
    except yaml.YAMLError as error:
        raise GitopsError(f"{where} is not YAML: {' '.join(str(error).split())}", fix="correct the file") from None


def _converted(raw: object, kind: type[_Read], where: Path) -> _Read:
    try:
        return msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        raise GitopsError(f"{where}: {error}", fix="correct the file; docs/environments.md lists its fields") from None


def _command(words: list[str], state: str, port: int | None) -> list[str]:
    given = [sys.executable if words[0] == "python" else words[0], *words[1:]]
    given = [word.replace("{state}", state) for word in given]
    return given if port is None else [word.replace("{port}", str(port)) for word in given]
