"""A clone with AWS up on this machine and a runner for its workflows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import boto3
import requests

from gitops import environments
from gitops.environments import Environment
from gitops.repository import Checkout
from rehearsal.page import Page, loopback, problem, text_of
from rehearsal.permissions import Compared, compared
from rehearsal.runner.events import Event
from rehearsal.runner.results import Run, job_text
from rehearsal.runner.run import Runner, administrator
from rehearsal.runner.workflows import Workflow, read
from tests.rehearsal.ship.clone import PAGE, SERVICE, Clone


@dataclass
class Stage:
    """What the tests of one module share, and which workflows they have run."""

    clone: Clone
    runner: Runner
    ran: set[str] = field(default_factory=set)

    @property
    def workflows(self) -> dict[str, Workflow]:
        return read(Checkout(self.clone.path))

    def environment(self, name: str) -> Environment:
        return environments.load(Checkout(self.clone.path), name)

    def run(self, name: str, event: Event, job: str | None = None) -> Run:
        """Run a workflow, or one job of it and what it needs."""
        done = self.runner.run(name, event, only=job)
        if job is None:
            self.ran.add(name)
        for failed in done.jobs.values():
            if failed.result == "failure":
                print(job_text(failed))
        return done

    def dispatch(self, name: str, **inputs: str) -> Run:
        return self.run(name, self.runner.event(self.workflows[name], "workflow_dispatch", inputs))

    def comments(self, number: int) -> list[str]:
        """What jobs have written into a pull request."""
        return [comment["body"] for comment in self.runner.pull_requests.comments(number)]

    def client(self, environment: str, service: str) -> Any:
        """An administrator's client in the environment's account."""
        described = self.environment(environment)
        keys: Mapping[str, str] = administrator(described, self.runner.running.endpoint)
        return boto3.client(  # type: ignore[call-overload]
            service,
            region_name=described.region,
            endpoint_url=keys["AWS_ENDPOINT_URL"],
            aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
        )

    def page(self, environment: str) -> str:
        """The words on the page, which shows what it has to. The HTTPS listener is asked for by its port."""
        described = self.environment(environment)
        with loopback() as session:
            answer: requests.Response = session.get(
                f"{self.runner.running.endpoint}{PAGE}",
                headers={"Host": f"{described.cluster}.alb.localhost:443"},
                timeout=60,
            )
        needed = next(one for one in self.runner.needs if one.service == SERVICE)
        assert problem(Page(answer.status_code, answer.text, 0.0), needed.shows) == ""
        return text_of(answer.text)

    def image(self, environment: str, service: str = SERVICE) -> str:
        """The image that the ECS service runs."""
        ecs = self.client(environment, "ecs")
        cluster = self.environment(environment).cluster
        revision = ecs.describe_services(cluster=cluster, services=[service])["services"][0]["taskDefinition"]
        definition = ecs.describe_task_definition(taskDefinition=revision)["taskDefinition"]
        return str(definition["containerDefinitions"][0]["image"])

    def change_sets(self, environment: str) -> set[str]:
        """Every change set of an account, those that were executed included."""
        cloudformation = self.client(environment, "cloudformation")
        listed = [cloudformation.list_change_sets(StackName=stack)["Summaries"] for stack in self.stacks(environment)]
        return {str(one["ChangeSetId"]) for summaries in listed for one in summaries}

    def stacks(self, environment: str) -> dict[str, str]:
        """The stacks of an account and when each was changed last."""
        answer = self.client(environment, "cloudformation").describe_stacks()["Stacks"]
        return {stack["StackName"]: str(stack.get("LastUpdatedTime", stack["CreationTime"])) for stack in answer}

    def proven(self) -> list[Compared]:
        """What of the roles that work here is granted, and what of it the workflows used."""
        return [one for one in compared(Checkout(self.clone.path), self.runner.running.endpoint) if not one.unproven]
