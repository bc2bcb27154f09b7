"""What the service's CloudFormation template says of it, with one environment's values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from gitops.environments import Environment
from gitops.errors import GitopsError
from gitops.layers.claims import Claim
from gitops.stacks import long_form

PATH = "infra/cloudformation/service.yaml"
_VARIABLE = re.compile(r"\$\{([A-Za-z0-9]+)\}")


@dataclass(frozen=True)
class ServiceTemplate:
    """The template's resources, and the values of its parameters as far as files tell them."""

    resources: Mapping[str, Any]
    values: Mapping[str, str]

    def claims(self) -> Iterator[Claim]:
        """Container, port, health path, target type, log group and family."""
        for name, properties in self._of_type("AWS::ElasticLoadBalancingV2::TargetGroup"):
            yield from self._claim("container port", properties, "Port", name)
            yield from self._claim("health path", properties, "HealthCheckPath", name)
            yield from self._claim("target type", properties, "TargetType", name)
        for name, properties in self._of_type("AWS::EC2::SecurityGroup"):
            for rule in properties.get("SecurityGroupIngress") or []:
                yield from self._claim("container port", rule, "FromPort", name)
                yield from self._claim("container port", rule, "ToPort", name)
        for name, properties in self._of_type("AWS::EC2::SecurityGroupEgress"):
            yield from self._claim("container port", properties, "FromPort", name)
            yield from self._claim("container port", properties, "ToPort", name)
        for name, properties in self._of_type("AWS::Logs::LogGroup"):
            yield from self._claim("log group", properties, "LogGroupName", name)
        for name, properties in self._of_type("AWS::ECS::Service"):
            yield from self._claim("task definition family", properties, "TaskDefinition", name)
            for balanced in properties.get("LoadBalancers") or []:
                yield from self._claim("container name", balanced, "ContainerName", name)
                yield from self._claim("container port", balanced, "ContainerPort", name)

    def role_names(self) -> set[str]:
        """The names of the roles it makes."""
        named = (self.resolve(properties.get("RoleName")) for _, properties in self._of_type("AWS::IAM::Role"))
        return {name for name in named if name is not None}

    def resolve(self, value: Any) -> str | None:  # noqa: ANN401 (any value of a template)
        """A property's text; None where it depends on what only CloudFormation knows."""
        match value:
            case {"Ref": str(name)}:
                return self.values.get(name)
            case {"Fn::Sub": str(text)}:
                known = all(name in self.values for name in _VARIABLE.findall(text))
                return _VARIABLE.sub(lambda found: self.values[found[1]], text) if known else None
            case bool() | dict() | list() | None:
                return None
            case _:
                return str(value)

    def _of_type(self, kind: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        for name, resource in self.resources.items():
            if resource.get("Type") == kind:
                yield name, resource.get("Properties") or {}

    def _claim(self, topic: str, properties: Mapping[str, Any], key: str, resource: str) -> Iterator[Claim]:
        value = self.resolve(properties.get(key))
        if value is not None:
            yield Claim(topic, value, f"{PATH} ({resource}.{key})")


def parse(text: str, environment: Environment, service: str) -> ServiceTemplate:
    """The template with the parameters that the environment's file gives, gitops provides, or that have a default.

    Raises GitopsError when it is not YAML.
    """
    try:
        document: Any = long_form.load(text)
    except yaml.YAMLError as error:
        raise GitopsError(f"{PATH} is not YAML: {' '.join(str(error).split())}", fix="correct the file") from None
    document = document if isinstance(document, dict) else {}
    parameters: Mapping[str, Any] = document.get("Parameters") or {}
    defaults = {name: str(one["Default"]) for name, one in parameters.items() if "Default" in one}
    given = environment.services.get(service, {})
    provided = {"Project": environment.project, "Environment": environment.environment, "Service": service}
    return ServiceTemplate(document.get("Resources") or {}, {**defaults, **provided, **given})
