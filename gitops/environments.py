"""Environment files: every value that differs between staging, production and the rehearsal."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import msgspec
import yaml

from gitops.errors import GitopsError

FOLDER = Path("infra/environments")


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


class Upstream(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How what a service asks is told to behave, where that is ours to tell.

    ``tell`` is a command (``python`` is the one that runs) to which a behaviour is
    appended: one of ``failing``, or ``normal``. ``ready`` is a path of the service
    that asks the upstream each time and answers 503 while that fails.
    """

    tell: list[str]
    failing: list[str]
    normal: str
    ready: str


class Environment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One environment: an AWS account and region, its stacks and its services."""

    environment: str
    project: str
    account: str
    region: str
    github: GitHub
    registry: str
    stacks: dict[str, dict[str, str]]
    services: dict[str, dict[str, str]]
    variables: dict[str, str] = {}
    aws_config_file: str | None = None
    upstreams: dict[str, Upstream] = {}
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

    def require_service(self, service: str) -> None:
        """Raise GitopsError unless the service is one of this environment's."""
        if service not in self.services:
            known = ", ".join(sorted(self.services)) or "none"
            raise GitopsError(
                f"{service} is not a service of {self.environment} (its services: {known})",
                fix=f"add it under services in {FOLDER}/{self.environment}.yaml or check the spelling",
            )


def names(root: Path) -> list[str]:
    """The names of all environments that have a file, sorted."""
    return sorted(path.stem for path in (root / FOLDER).glob("*.yaml"))


def load(root: Path, name: str) -> Environment:
    """Read and check one environment's file.

    Raises GitopsError when there is no such environment, when the file is not
    YAML, and when a field is missing, unknown or of the wrong type (with its path).
    """
    if name not in names(root):
        raise GitopsError(
            f"no environment named {name} (there are: {', '.join(names(root))})",
            fix=f"check the spelling, or add {FOLDER}/{name}.yaml",
        )
    path = root / FOLDER / f"{name}.yaml"
    where = path.relative_to(root)
    try:
        raw: Any = yaml.load(path.read_bytes(), Loader=_Loader)  # noqa: S506 (it is a safe loader)
        environment = msgspec.convert(raw, Environment)
    except yaml.YAMLError as error:
        raise GitopsError(f"{where} is not YAML: {_one_line(error)}", fix="correct the file") from None
    except msgspec.ValidationError as error:
        raise GitopsError(f"{where}: {error}", fix="correct the file; docs/environments.md lists its fields") from None
    if environment.environment != name:
        raise GitopsError(f"{where} says environment: {environment.environment}", fix=f"write environment: {name}")
    if not (environment.account.isdigit() and len(environment.account) == 12):
        raise GitopsError(f'{where}: account is not 12 digits: "{environment.account}"', fix="correct the file")
    return environment


def load_all(root: Path) -> dict[str, Environment]:
    """Every environment by name."""
    return {name: load(root, name) for name in names(root)}


def deployed(root: Path) -> dict[str, Environment]:
    """The environments that workflows deploy to (those without profiles of their own), images' home first."""
    every = {name: one for name, one in load_all(root).items() if one.aws_config_file is None}
    return dict(sorted(every.items(), key=lambda item: (item[1].registry != item[0], item[0])))


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
