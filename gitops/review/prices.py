"""What an environment costs a month while nobody asks it anything, from a dated table, and what a change makes of it.

The prices are AWS's price list for the region (the files of September 2026 under
https://pricing.us-east-1.amazonaws.com/offers/v1.0/aws/<service>/), on-demand, in USD without tax, taken from
two public transcriptions of it that agree. People read the same at https://aws.amazon.com/fargate/pricing/,
/vpc/pricing/, /elasticloadbalancing/pricing/ and /kms/pricing/.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import NamedTuple

from gitops import repository
from gitops.review.changes import document, template_defaults
from gitops.review.settings import Defaults
from gitops.taskdefs.documents import Document, mapping
from gitops.taskdefs.fargate import cpu_units, memory_mib
from gitops.text import plain

AS_OF = "September 2026"
# How AWS's own calculator makes a month of hours.
HOURS = 730
ZONES = 2
GATEWAYS = {"none": 0, "single": 1, "per-az": ZONES}


class Prices(NamedTuple):
    """USD an hour: Fargate on Linux per vCPU and GB by architecture, and what else is billed by the hour."""

    vcpu: Mapping[str, float]
    gigabyte: Mapping[str, float]
    nat_gateway: float
    load_balancer: float
    address: float


REGIONS = {
    # AmazonECS and AWSELB of 2026-09-11, AmazonVPC of 2026-09-17, AmazonEC2 (NAT) of 2026-09-25.
    "eu-west-2": Prices(
        vcpu={"X86_64": 0.04656, "ARM64": 0.03725},
        gigabyte={"X86_64": 0.00511, "ARM64": 0.00409},
        nat_gateway=0.05,
        load_balancer=0.02646,
        address=0.005,
    ),
}
# USD a month, in every region.
KEY = 1.0


class Tasks(NamedTuple):
    """Tasks of one size: how many at least, and the vCPUs and GB of each."""

    number: int
    architecture: str
    vcpus: float
    gigabytes: float


class Running(NamedTuple):
    """What an environment pays for by the hour when nobody asks."""

    region: str
    tasks: tuple[Tasks, ...]
    nat_gateways: int
    load_balancers: int

    @property
    def monthly(self) -> dict[str, float] | None:
        """USD a month by what it is for; None where the region's prices are not known."""
        prices = REGIONS.get(self.region)
        if prices is None or any(one.architecture not in prices.vcpu for one in self.tasks):
            return None
        hourly = sum(
            one.number * (one.vcpus * prices.vcpu[one.architecture] + one.gigabytes * prices.gigabyte[one.architecture])
            for one in self.tasks
        )
        balancer = (prices.load_balancer + ZONES * prices.address) * HOURS + KEY
        return {
            "tasks": hourly * HOURS,
            "NAT gateways": self.nat_gateways * (prices.nat_gateway + prices.address) * HOURS,
            "load balancer and key": self.load_balancers * balancer,
        }


def running(environment: Document, defaults: Defaults, task_definitions: Mapping[str, Document]) -> Running | None:
    """What an environment file and its rendered task definitions (by service) run at least.

    None when a size or a number in them cannot be read.
    """
    stacks, services = (mapping(environment.get(key)) for key in ("stacks", "services"))
    tasks = []
    for name, given in services.items():
        document = task_definitions.get(name, {})
        cpu, memory = cpu_units(str(document.get("cpu", ""))), memory_mib(str(document.get("memory", "")))
        number = {**defaults.get("service", {}), **mapping(given)}.get("MinTasks")
        if cpu is None or memory is None or not str(number).isdecimal():
            return None
        architecture = str(mapping(document.get("runtimePlatform")).get("cpuArchitecture", "X86_64"))
        tasks.append(Tasks(int(str(number)), architecture, cpu / 1024, memory / 1024))
    gateways = 0
    if "network" in stacks:
        asked = {**defaults.get("network", {}), **mapping(stacks["network"])}.get("NatGateways")
        if asked not in GATEWAYS:
            return None
        gateways = GATEWAYS[str(asked)]
    return Running(str(environment.get("region")), tuple(tasks), gateways, int("platform" in stacks))


def difference(before: Running, after: Running) -> str:
    """How much more or less a month, and for what, in words; empty when it is under half a dollar."""
    if before == after:
        return ""
    was, now = before.monthly, after.monthly
    if was is None or now is None:
        region = after.region if now is None else before.region
        return f"what runs by the hour changes; no price known for {region}"
    parts = {what: now[what] - was[what] for what in now}
    total = sum(parts.values())
    shown = [f"{what} {_signed(usd)}" for what, usd in parts.items() if abs(usd) >= 0.5]
    if not shown:
        return ""
    return f"about {_signed(total)} a month, to {_usd(sum(now.values()))} ({', '.join(shown)}; {_dated(after)})"


def at_rest(every: Mapping[str, Running | None]) -> str:
    """What environments cost a month at the least, by name, in one sentence; empty for none."""
    said = []
    for name, one in every.items():
        monthly = one.monthly if one else None
        said.append(f"{name} about {_usd(sum(monthly.values()))}" if monthly else f"{name}: no price known")
    dated = sorted({_dated(one) for one in every.values() if one and one.monthly})
    what = "MinTasks, NAT gateways, load balancer and key, without traffic and logs"
    return f"A month at rest: {', '.join(said)} ({'; '.join([what, *dated])})" if said else ""


def _dated(one: Running) -> str:
    return f"USD, {one.region}, {AS_OF}"


def _signed(usd: float) -> str:
    return f"{'−' if usd < 0 else '+'}{_usd(abs(usd))}"


def _usd(usd: float) -> str:
    return f"${usd:,.0f}"


class Costs(NamedTuple):
    """A line for each environment whose price changes, and what all of them cost now."""

    lines: tuple[str, ...] = ()
    at_rest: str = ""


def costs(base: dict[str, str], head: dict[str, str]) -> Costs:
    """The costs of two states, each a path's text by path; GitopsError for a file that cannot be read."""
    before, after = _running(base), _running(head)
    lines = []
    for name in after:
        was, now = before.get(name), after[name]
        words = difference(was, now) if was and now else ""
        if words:
            lines.append(f"**{plain(name)}**: {words}")
    return Costs(tuple(lines), at_rest(after))


def _running(texts: dict[str, str]) -> dict[str, Running | None]:
    defaults = template_defaults(texts)
    found: dict[str, Running | None] = {}
    for path, text in sorted(texts.items()):
        pure = PurePosixPath(path)
        if not pure.match(str(repository.environment_file("*"))):
            continue
        environment = document(path, text) or {}
        # What is reached by profiles of its own is this machine, which costs nothing.
        if environment.get("aws_config_file"):
            continue
        rendered = {
            one.parts[1]: document(other, content) or {}
            for other, content in texts.items()
            if (one := PurePosixPath(other)).match(str(repository.rendered("*", pure.stem)))
        }
        entries = {
            one.stem: (document(other, content) or {}).get("parameters", {})
            for other, content in texts.items()
            if (one := PurePosixPath(other)).match(f"infra/environments/{pure.stem}/*.yaml")
        }
        found[pure.stem] = running({**environment, "services": entries}, defaults, rendered)
    return found
