"""What a service needs on this machine beside AWS: its secrets, and what stands for that which it asks."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gitops import Checkout, Environment, GitopsError, repository
from gitops.environments import Rehearsal, StandIn
from rehearsal.daemons import FOLDER

# What was made up for secrets, by service and name. What the shell gives stands in no file of ours.
MADE = FOLDER / "secrets.json"
# What stands in a rendered task definition for the image of the commit that is deployed.
COMMITS_IMAGE = "${image}"


@dataclass(frozen=True)
class Needs:
    """One service's, by its entry in an environment that stands on this machine.

    ``secrets`` are the variables that its tasks get from parameters of its own,
    ``foreign`` the non-essential containers that have another image than the commit's.
    """

    environment: Environment
    service: str
    secrets: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()

    @property
    def entry(self) -> Rehearsal:
        """What the environment's file says of it."""
        return self.environment.rehearsal(self.service)

    @property
    def stand_in(self) -> StandIn | None:
        """What is to be started; None where there is nothing, or the shell asks for the real one."""
        found = self.entry.stand_in
        return None if found is None or os.environ.get(found.unless) else found

    @property
    def process(self) -> str:
        """What the stand-in's process is called."""
        return f"stand-in of {self.service} in {self.environment.environment}"

    @property
    def shows(self) -> list[str]:
        """What its page has to show now."""
        return [*self.entry.shows, *(self.stand_in.shows if self.stand_in else [])]

    def leads(self, port: int | None) -> dict[str, str]:
        """The variables that lead the service to what it asks: to the stand-in on ``port``, or to the real one."""
        if self.entry.stand_in is None:
            return {}
        if self.stand_in is None:
            return self.entry.stand_in.real
        return {name: value.replace("{port}", str(port)) for name, value in self.stand_in.variables.items()}

    def given(self) -> dict[str, str]:
        """What the shell gives, as a digest by the path of its parameter; "" for what is made up here."""
        found = self.entry.stand_in
        names = {*self.secrets, *([found.unless] if found and found.unless else [])} - set(self.leads(None))
        digests = {name: _digest(os.environ.get(name, "")) for name in sorted(names)}
        return {self.parameter(name): digest for name, digest in digests.items()}

    def values(self, checkout: Checkout, port: int | None) -> dict[str, str]:
        """Each secret's value: what leads to what is asked, what the shell gives, or made up once and kept."""
        leads = self.leads(port)
        return {
            name: leads.get(name) or os.environ.get(name) or _made(checkout, self.service, name)
            for name in self.secrets
        }

    def parameter(self, name: str) -> str:
        """The path of a secret in Parameter Store."""
        return f"/{self.service}/{self.environment.environment}/{name}"


def needs(checkout: Checkout, environment: Environment, service: str, commit: str) -> Needs:
    """What a service needs as a commit has it; GitopsError where its task definition was not rendered there."""
    path = repository.rendered(service, environment.environment).as_posix()
    rendered = checkout.at(commit).text(path)
    if rendered is None:
        raise GitopsError(f"{commit[:12]} has no {path}", fix="gitops render, and commit it")
    document = json.loads(rendered)
    own = own_secrets(document, service, environment.environment)
    return Needs(environment, service, tuple(own), tuple(foreign(document)))


def own_secrets(rendered: Mapping[str, Any], service: str, environment: str) -> list[str]:
    """The secrets that a rendered task definition reads from the service's own parameters, sorted."""
    read = [one["valueFrom"] for container in rendered["containerDefinitions"] for one in container.get("secrets", [])]
    parameters = {value.partition(":parameter")[2] if value.startswith("arn:") else value for value in read}
    own = f"/{service}/{environment}/"
    return sorted(path.removeprefix(own) for path in parameters if path.startswith(own))


def foreign(rendered: Mapping[str, Any]) -> list[str]:
    """The non-essential containers of a rendered task definition whose image is named there: it is not the commit's."""
    containers = rendered["containerDefinitions"]
    return [one["name"] for one in containers if not one.get("essential", True) and one["image"] != COMMITS_IMAGE]


def _made(checkout: Checkout, service: str, name: str) -> str:
    path = checkout.root / MADE
    kept: dict[str, dict[str, str]] = json.loads(path.read_text()) if path.exists() else {}
    if name not in kept.setdefault(service, {}):
        kept[service][name] = secrets.token_hex(16)
        path.touch(mode=0o600)
        path.write_text(json.dumps(kept))
    return kept[service][name]


def _digest(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest() if value else ""
