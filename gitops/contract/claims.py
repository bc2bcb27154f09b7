"""What each file says of a service: task definition, template, Dockerfile and gunicorn's settings; and who differs."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from gitops import repository
from gitops.environments import Environment
from gitops.errors import GitopsError
from gitops.images.source import FinalStage
from gitops.stacks import templates

# The template that every service's stack is made of.
TEMPLATE = repository.template("service").as_posix()
# A container asks itself: the port and the path of the address in its health check's command.
_ITSELF = re.compile(r"https?://(?:127\.0\.0\.1|localhost|\[::1\])(?::(?P<port>\d+))?(?P<path>/[^\s'\"?)]*)?")
# docs.gunicorn.org, settings, "bind": what it listens on when nobody says.
DEFAULT_BIND = "127.0.0.1:8000"
LOOPBACK = {"127.0.0.1", "localhost", "[::1]"}


@dataclass(frozen=True)
class Claim:
    """One file's word on one topic."""

    topic: str
    value: str
    where: str


def disagreements(claims: Iterable[Claim]) -> list[str]:
    """A line for each topic on which the files differ, naming every value and who says it."""
    topics: dict[str, dict[str, list[str]]] = {}
    for claim in claims:
        places = topics.setdefault(claim.topic, {}).setdefault(claim.value, [])
        if claim.where not in places:
            places.append(claim.where)
    return [
        f"{topic}: " + ", but ".join(f"{value} in {' and '.join(places)}" for value, places in values.items())
        for topic, values in topics.items()
        if len(values) > 1
    ]


def container(document: dict[str, Any], service: str) -> dict[str, Any]:
    """The service's own container, by its name: others may run the commit's image too. Empty where there is none."""
    containers = document.get("containerDefinitions") or []
    return next((one for one in containers if one.get("name") == service), {})


def task_definition_claims(document: dict[str, Any], path: str, service: str) -> Iterator[Claim]:
    """Container, port, health path, log group, user and family, as the file at ``path`` has them."""
    ours = container(document, service)
    if "family" in document:
        yield Claim("task definition family", document["family"], f"{path} (family)")
    names = sorted(one.get("name", "") for one in document.get("containerDefinitions") or [])
    if names:
        yield Claim("container name", service if ours else ", ".join(names), f"{path} (name)")
    for mapping in ours.get("portMappings") or []:
        yield Claim("container port", str(mapping.get("containerPort")), f"{path} (portMappings)")
    command = " ".join((ours.get("healthCheck") or {}).get("command") or [])
    for found in _ITSELF.finditer(command):
        yield Claim("container port", found["port"] or "80", f"{path} (healthCheck)")
        yield Claim("health path", found["path"] or "/", f"{path} (healthCheck)")
    options = (ours.get("logConfiguration") or {}).get("options") or {}
    if "awslogs-group" in options:
        yield Claim("log group", options["awslogs-group"], f"{path} (awslogs-group)")
    if "user" in ours:
        yield Claim("user", ours["user"].partition(":")[0], f"{path} (user)")
    if document.get("networkMode") == "awsvpc":
        yield Claim("target type", "ip", f"{path} (networkMode awsvpc)")


def role_names(document: dict[str, Any]) -> dict[str, str]:
    """The names of the roles by the key that holds their ARN."""
    keys = ("executionRoleArn", "taskRoleArn")
    return {key: document[key].rpartition("/")[2] for key in keys if document.get(key)}


# What the template's resources say: by their type, the list in them if any, the key and its topic.
_SAID = (
    ("AWS::ElasticLoadBalancingV2::TargetGroup", "", "Port", "container port"),
    ("AWS::ElasticLoadBalancingV2::TargetGroup", "", "HealthCheckPath", "health path"),
    ("AWS::ElasticLoadBalancingV2::TargetGroup", "", "TargetType", "target type"),
    ("AWS::EC2::SecurityGroup", "SecurityGroupIngress", "FromPort", "container port"),
    ("AWS::EC2::SecurityGroup", "SecurityGroupIngress", "ToPort", "container port"),
    ("AWS::EC2::SecurityGroupEgress", "", "FromPort", "container port"),
    ("AWS::EC2::SecurityGroupEgress", "", "ToPort", "container port"),
    ("AWS::Logs::LogGroup", "", "LogGroupName", "log group"),
    ("AWS::ECS::Service", "", "TaskDefinition", "task definition family"),
    ("AWS::ECS::Service", "LoadBalancers", "ContainerName", "container name"),
    ("AWS::ECS::Service", "LoadBalancers", "ContainerPort", "container port"),
)


@dataclass(frozen=True)
class ServiceTemplate:
    """The template's resources, and the values of its parameters as far as files tell them."""

    resources: Mapping[str, Any]
    values: Mapping[str, str]

    def claims(self) -> Iterator[Claim]:
        """Container, port, health path, target type, log group and family."""
        for kind, within, key, topic in _SAID:
            for name, properties in self._of_type(kind):
                for one in (properties.get(within) or []) if within else [properties]:
                    value = templates.value(one.get(key), self.values)
                    if value is not None:
                        yield Claim(topic, value, f"{TEMPLATE} ({name}.{key})")

    def role_names(self) -> set[str]:
        """The names of the roles it makes."""
        roles = (properties for _, properties in self._of_type("AWS::IAM::Role"))
        named = (templates.value(properties.get("RoleName"), self.values) for properties in roles)
        return {name for name in named if name is not None}

    def _of_type(self, kind: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        for name, resource in self.resources.items():
            if resource.get("Type") == kind:
                yield name, resource.get("Properties") or {}


def template(text: str, environment: Environment, service: str) -> ServiceTemplate:
    """The service's template with what the environment gives its parameters, gitops provides, or they have as default.

    Raises GitopsError when it is not YAML.
    """
    try:
        document: Any = templates.read(text)
    except yaml.YAMLError as error:
        raise GitopsError(f"{TEMPLATE} is not YAML: {' '.join(str(error).split())}", fix="correct the file") from None
    document = document if isinstance(document, dict) else {}
    parameters: Mapping[str, Any] = document.get("Parameters") or {}
    defaults = {name: str(one["Default"]) for name, one in parameters.items() if "Default" in one}
    given = environment.services.get(service, {})
    provided = {"Project": environment.project, "Environment": environment.environment, "Service": service}
    return ServiceTemplate(document.get("Resources") or {}, {**defaults, **provided, **given})


def image_claims(stage: FinalStage, path: str) -> Iterator[Claim]:
    """The exposed ports and the user of a Dockerfile's final stage."""
    for port in stage.exposed:
        yield Claim("container port", port.partition("/")[0], f"{path} (EXPOSE)")
    if stage.user:
        yield Claim("user", stage.user.partition(":")[0], f"{path} (USER)")


def gunicorn_bind(
    stage: FinalStage, container: dict[str, Any], settings: str | None, dockerfile: str, settings_path: str
) -> tuple[str, str] | None:
    """Where gunicorn listens, and which file says so; None when the container does not run gunicorn.

    Its command line wins over GUNICORN_CMD_ARGS, which wins over the settings
    file. Raises ValueError when the settings compute their ``bind``.
    """
    command = container.get("command") or stage.command
    entrypoint = container.get("entryPoint") or stage.entrypoint
    words = [*entrypoint, *command]
    if not words or words[0].rpartition("/")[2] != "gunicorn":
        return None
    if (bind := _option(words)) is not None:
        return bind, "the task definition (command)" if container.get("command") else f"{dockerfile} (CMD)"
    variables = {one["name"]: one.get("value", "") for one in container.get("environment") or []}
    arguments = variables.get("GUNICORN_CMD_ARGS") or stage.environment.get("GUNICORN_CMD_ARGS", "")
    if (bind := _option(shlex.split(arguments))) is not None:
        return bind, "GUNICORN_CMD_ARGS"
    if settings is not None and (bind := _setting(settings)) is not None:
        return bind, f"{settings_path} (bind)"
    return DEFAULT_BIND, "gunicorn's default"


def _option(words: Sequence[str]) -> str | None:
    found = None
    for position, word in enumerate(words):
        if word in {"-b", "--bind"} and position + 1 < len(words):
            found = words[position + 1]
        elif word.startswith("--bind="):
            found = word.removeprefix("--bind=")
    return found


def _setting(text: str) -> str | None:
    found = None
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and any(getattr(target, "id", "") == "bind" for target in node.targets):
            value = ast.literal_eval(node.value)
            found = value[0] if isinstance(value, list | tuple) else value
    return None if found is None else str(found)
