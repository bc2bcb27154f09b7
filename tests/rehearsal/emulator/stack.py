"""A stack of the emulator: made, changed, asked and deleted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.rehearsal.emulator.account import Account

TAGS = [{"Key": "Project", "Value": "demo"}]


@dataclass
class Stack:
    """One stack by its name, there or not."""

    account: Account
    name: str

    def __post_init__(self) -> None:
        self.client: Any = self.account.client("cloudformation")

    def make(self, template: str, step: str = "create") -> dict[str, str]:
        """Create it, or ``update`` it, and wait for that; its outputs."""
        ask = getattr(self.client, f"{step}_stack")
        ask(StackName=self.name, TemplateBody=template, Tags=TAGS, Capabilities=["CAPABILITY_NAMED_IAM"])
        self.wait(step)
        return self.outputs()

    def outputs(self) -> dict[str, str]:
        [described] = self.client.describe_stacks(StackName=self.name)["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])}

    def id(self, logical_id: str) -> str:
        """A resource's physical id."""
        found = self.client.list_stack_resources(StackName=self.name)["StackResourceSummaries"]
        return next(str(one["PhysicalResourceId"]) for one in found if one["LogicalResourceId"] == logical_id)

    def failures(self) -> list[tuple[str, str]]:
        """What failed and why, the first one first."""
        events = self.client.describe_stack_events(StackName=self.name)["StackEvents"]
        failed = [one for one in reversed(events) if "FAILED" in one["ResourceStatus"]]
        return [(one["LogicalResourceId"], one.get("ResourceStatusReason", "")) for one in failed]

    def delete(self) -> None:
        self.client.delete_stack(StackName=self.name)
        self.wait("delete")

    def wait(self, step: str) -> None:
        waiter = self.client.get_waiter(f"stack_{step}_complete")
        waiter.wait(StackName=self.name, WaiterConfig={"Delay": 1, "MaxAttempts": 120})
