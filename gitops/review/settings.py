"""What a reviewer should not miss in an environment file, in words: a table of rules over its fields."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import NamedTuple

from gitops.review.risks import Risks, changed
from gitops.taskdefs.documents import Document, Value, mapping
from gitops.text import code

OPEN_TO_ALL = ("0.0.0.0/0", "::/0")
# The parameters that each template gives a value itself, by template.
Defaults = Mapping[str, Mapping[str, str]]
# How one value becomes another, in words; empty when the rule does not apply.
Verb = Callable[[str, str], str]
FIELDS = {key: key for key in ("account", "region", "project", "registry")}


def changes(before: str, after: str) -> str:
    """Any change."""
    return f"changes from {code(before)} to {code(after)}" if before != after else ""


def _moves(word: str, further: Callable[[float, float], bool]) -> Verb:
    def verb(before: str, after: str) -> str:
        was, now = _number(before), _number(after)
        if was is None or now is None:
            return changes(before, after)
        return f"{word} from {code(before)} to {code(after)}" if further(now, was) else ""

    return verb


# A smaller, or a larger number, or what is no number any more.
falls, rises = _moves("falls", operator.lt), _moves("rises", operator.gt)


def replaced(before: str, after: str) -> str:
    """Another value where there was one and still is."""
    return changes(before, after) if before and after else ""


def ranked(*order: str) -> Verb:
    """A step down among words, the least first."""

    def verb(before: str, after: str) -> str:
        known = before in order and after in order
        return "" if known and order.index(after) >= order.index(before) else changes(before, after)

    return verb


def becomes(value: str, verb: Verb = changes) -> Verb:
    """A change to this one value."""
    return lambda before, after: verb(before, after) if after == value else ""


def members(before: str, after: str) -> str:
    """Elements of a list that come or go."""
    was, now = _members(before), _members(after)
    words = [f"gains {code(', '.join(sorted(now - was)))}"] if now - was else []
    words += [f"loses {code(', '.join(sorted(was - now)))}"] if was - now else []
    return " and ".join(words)


class Rule(NamedTuple):
    """When a change of some parameters is a risk, what follows from it, and its kind."""

    parameters: tuple[str, ...]
    verb: Verb
    so: str
    kind: str = ""


# Of the rules for a parameter the first that applies speaks. Every parameter of every template stands here.
RULES = (
    # Who may do what.
    Rule(
        ("GitHubOwner", "GitHubRepository", "GitHubOwnerId", "GitHubRepositoryId", "GitHubBranch"),
        changes,
        "another repository or branch is trusted to deploy here",
        "IAM",
    ),
    Rule(("OidcProviderArn",), changes, "another provider says which jobs may deploy here", "IAM"),
    Rule(("RoleBoundaryArn",), changes, "roles made here get another upper limit", "IAM"),
    Rule(("CloudFormationRoleArn",), changes, "stacks are made under another role", "IAM"),
    Rule(("BuildsImages",), changes, "the role that pushes images comes or goes", "IAM"),
    Rule(("PullAccounts",), members, "an account outside may, or may no longer, pull the images", "IAM"),
    Rule(("RegistryAccount",), changes, "images come from another account", "IAM"),
    # Who reaches it, and how.
    Rule(("ClientCidr",), changes, "other clients reach the load balancer", "public"),
    Rule(("CertificateArn",), becomes(""), "pages go over plain HTTP"),
    Rule(("CertificateArn",), replaced, "clients are shown another certificate"),
    Rule(("ListenerPriority", "PathPatterns"), changes, "requests may reach another service"),
    Rule(("ContainerPort",), changes, "the port that the task definition opens has to be this one"),
    Rule(("HealthCheckPath",), changes, "the load balancer judges tasks by another page"),
    # What survives a loss.
    Rule(("DeletionProtection",), becomes("false"), "nothing keeps the load balancer from being deleted"),
    Rule(("NatGateways",), becomes("none"), "tasks can neither pull an image nor ask anything outside"),
    Rule(
        ("NatGateways",),
        becomes("single", ranked("none", "single", "per-az")),
        "the loss of one zone cuts every task off",
    ),
    Rule(("MinTasks",), becomes("0", falls), "nothing runs when nobody asks"),
    Rule(("MinTasks",), becomes("1", falls), "the end of one task, or of its zone, is an outage"),
    Rule(("MinTasks",), falls, "fewer tasks stand ready"),
    Rule(("MaxTasks",), falls, "scaling stops earlier under load"),
    Rule(("RequestsPerTask", "CpuPercent"), rises, "tasks are added later under load"),
    Rule(("DeregistrationDelay",), falls, "a leaving task has less time to finish what it has begun"),
    Rule(("ServiceEnabled",), changes, "the ECS service itself comes or goes"),
    Rule(("KeepImages",), falls, "a rollback reaches less far back"),
    # What can be looked up afterwards.
    Rule(("FlowLogTraffic",), becomes("REJECT"), "connections that were let in are no longer recorded"),
    Rule(("FlowLogDays", "AccessLogDays", "LogRetentionDays"), falls, "what is older is deleted"),
    # What all of it stands on.
    Rule(("Project", "Environment", "Service"), changes, "what stands is made again under another name"),
    Rule(("VpcCidr", "SubnetBits"), changes, "the network is replaced, and with it what stands in it"),
    Rule(
        (
            "VpcId",
            "PublicSubnetIds",
            "PrivateSubnetIds",
            "ClusterName",
            "ListenerArn",
            "LoadBalancerFullName",
            "LoadBalancerSecurityGroupId",
            "LogKeyArn",
        ),
        changes,
        "it is no longer what this environment's own stacks make",
    ),
)

WITHOUT = {
    "provenance": "an image is deployed whoever built it",
    "image-scan": "an image is built whether or not the registry scanned it",
}


def environment_risks(
    before: Document | None, after: Document | None, defaults: tuple[Defaults, Defaults] = ({}, {})
) -> list[str]:
    """The risks of going from one environment's own file to another (None: there is none).

    ``defaults`` are the templates' own values, before and after: a line taken out of the file means them.
    """
    if before is None or after is None:
        return ["the environment is removed: its stacks stay until they are destroyed"] if after is None else []
    risks = [*_trust(before, after), *changed(before, after, FIELDS)]
    was, now = mapping(before.get("stacks")), mapping(after.get("stacks"))
    risks += [f"stack {code(name)} is no longer part of it" for name in was if name not in now]
    for name, given in now.items():
        risks += _stack(f"stacks.{name}", name, _texts(was[name]) if name in was else None, _texts(given), defaults)
    return risks


def service_risks(
    service: str, before: Document | None, after: Document | None, defaults: tuple[Defaults, Defaults] = ({}, {})
) -> list[str]:
    """The risks of going from one entry of a service in an environment to another; as ``environment_risks``."""
    if after is None:
        return [f"service {code(service)} is no longer part of it"]
    was = None if before is None else _texts(before.get("parameters"))
    risks = list(_stack(f"services.{service}", "service", was, _texts(after.get("parameters")), defaults))
    if before is not None and before.get("rehearsal") != after.get("rehearsal"):
        risks.append("drills run another command, or end it otherwise")
    return risks


def _stack(
    where: str,
    template: str,
    before: Mapping[str, str] | None,
    after: Mapping[str, str],
    defaults: tuple[Defaults, Defaults],
) -> Risks:
    old = None if before is None else {**defaults[0].get(template, {}), **before}
    return _parameters(where, old, {**defaults[1].get(template, {}), **after})


def _trust(before: Document, after: Document) -> Risks:
    if before.get("github") != after.get("github"):
        yield "IAM: another repository or branch is trusted to deploy here"
    for name in _listed(before, "requires"):
        if name not in _listed(after, "requires"):
            yield f"{code(name)} is no longer required: {WITHOUT.get(name, 'what it kept out comes in')}"
    was, now = (_listed(one, "builders") or ["docker"] for one in (before, after))
    if was != now:
        yield f"images are built by {code(', '.join(now))}, not by {code(', '.join(was))}"
    profiles = before.get("aws_config_file"), after.get("aws_config_file")
    if profiles[0] != profiles[1]:
        yield f"the profiles that it is reached with come from {code(profiles[1])}, not from {code(profiles[0])}"
        if profiles[1] and not profiles[0]:
            yield "workflows no longer plan it or deploy to it"
    if before.get("happen") != after.get("happen"):
        yield "drills run another command"


def _parameters(where: str, before: Mapping[str, str] | None, after: Mapping[str, str]) -> Risks:
    """The risks of a stack's parameters; of one that is new (None) only what is open to all."""
    old = before or {}
    for key in sorted({*old, *after}):
        was, now = old.get(key), after.get(key)
        if was == now:
            continue
        place = code(f"{where}.{key}")
        if now is not None and any(network.strip() in OPEN_TO_ALL for network in now.split(",")):
            yield f"public: {place} is open to {code(now)}"
        elif before is not None:
            yield from _ruled(place, key, was, now)


def _ruled(place: str, key: str, was: str | None, now: str | None) -> Risks:
    for rule in RULES:
        if key not in rule.parameters:
            continue
        kind = f"{rule.kind}: " if rule.kind else ""
        if was is not None and now is not None:
            words = rule.verb(was, now)
        # Neither the file nor the template says one of the two: it is another stack's output, or not known.
        elif now is None:
            words = f"is no longer set, and was {code(was)}"
        else:
            words = f"is set to {code(now)}, and was not set"
        if words:
            sure = rule.verb is changes or (was is not None and now is not None)
            yield f"{kind}{place} {words}: {rule.so}" if sure else f"{kind}{place} {words}"
            return


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _members(text: str) -> set[str]:
    return {one.strip() for one in text.split(",") if one.strip()}


def _listed(document: Document, key: str) -> list[str]:
    value = document.get(key)
    return [str(one) for one in value] if isinstance(value, list) else []


def _texts(value: Value) -> dict[str, str]:
    return {key: str(one) for key, one in mapping(value).items()}
