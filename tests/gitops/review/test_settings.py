"""The risks of an environment file: a table of changes, and that no field of it goes unwatched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from gitops.environments import Environment, Service
from gitops.repository import Checkout
from gitops.review.changes import template_defaults
from gitops.review.settings import RULES, Defaults, environment_risks, service_risks
from gitops.stacks import templates

ROOT = Path(__file__).parents[3]
NAMES = templates.names(Checkout(ROOT))
CERTIFICATE = "arn:aws:acm:eu-west-2:1:certificate/a"
DEFAULTS: Defaults = {
    "bootstrap": {"OidcProviderArn": "", "BuildsImages": "true"},
    "repository": {"PullAccounts": ""},
    "network": {"NatGateways": "per-az", "FlowLogDays": "30"},
    "platform": {"CertificateArn": "", "ClientCidr": "0.0.0.0/0", "DeletionProtection": "true"},
    "service": {"MinTasks": "2", "MaxTasks": "6", "CpuPercent": "60"},
}
PRODUCTION: dict[str, Any] = {
    "environment": "production",
    "account": "1",
    "region": "eu-west-2",
    "github": {"owner": "o", "branch": "main"},
    "requires": ["provenance", "image-scan"],
    "stacks": {
        "bootstrap": {},
        "repository": {"PullAccounts": "111,222"},
        "network": {"FlowLogDays": "90"},
        "platform": {"CertificateArn": CERTIFICATE, "ClientCidr": "10.0.0.0/8"},
    },
}
APP: dict[str, Any] = {"parameters": {"MaxTasks": "10"}}


def with_parameters(name: str, **parameters: str | None) -> dict[str, Any]:
    """Production with some parameters of one stack set, or (None) taken out."""
    given = {**PRODUCTION["stacks"][name], **parameters}
    kept = {key: value for key, value in given.items() if value is not None}
    return {**PRODUCTION, "stacks": {**PRODUCTION["stacks"], name: kept}}


def production(**fields: Any) -> dict[str, Any]:
    """Production with some fields set, or (None) taken out."""
    return {key: value for key, value in {**PRODUCTION, **fields}.items() if value is not None}


PROVENANCE = "`provenance` is no longer required: an image is deployed whoever built it"


@pytest.mark.parametrize(
    ("after", "risks"),
    [
        (PRODUCTION, []),
        (production(github={"owner": "x"}), ["IAM: another repository or branch is trusted to deploy here"]),
        (production(account="2"), ["account changes from `1` to `2`"]),
        (production(requires=["image-scan"]), [PROVENANCE]),
        (
            production(requires=None),
            [
                PROVENANCE,
                "`image-scan` is no longer required: an image is built whether or not the registry scanned it",
            ],
        ),
        (production(builders=["docker"]), []),
        (production(builders=["pack"]), ["images are built by `pack`, not by `docker`"]),
        (
            production(aws_config_file="x/config"),
            [
                "the profiles that it is reached with come from `x/config`, not from nothing",
                "workflows no longer plan it or deploy to it",
            ],
        ),
    ],
)
def test_risks_of_an_environment(after: dict[str, Any], risks: list[str]) -> None:
    assert environment_risks(PRODUCTION, after, (DEFAULTS, DEFAULTS)) == risks


# stack.Parameter=value, or stack.Parameter for one taken out, to what is said; {} is the parameter's place.
PARAMETERS = {
    "repository.PullAccounts=111, 999": (
        "IAM: {} gains `999` and loses `222`: an account outside may, or may no longer, pull the images"
    ),
    "repository.PullAccounts=222, 111": "",
    "bootstrap.OidcProviderArn=arn:x": (
        "IAM: {} changes from nothing to `arn:x`: another provider says which jobs may deploy here"
    ),
    "bootstrap.GitHubBranch=x": (
        "IAM: {} is set to `x`, and was not set: another repository or branch is trusted to deploy here"
    ),
    "network.NatGateways=none": (
        "{} changes from `per-az` to `none`: tasks can neither pull an image nor ask anything outside"
    ),
    "network.NatGateways=single": "{} changes from `per-az` to `single`: the loss of one zone cuts every task off",
    # A line that goes means the template's default, which is less here …
    "network.FlowLogDays": "{} falls from `90` to `30`: what is older is deleted",
    "platform.CertificateArn": f"{{}} changes from `{CERTIFICATE}` to nothing: pages go over plain HTTP",
    # … or more open.
    "platform.ClientCidr": "public: {} is open to `0.0.0.0/0`",
    "platform.ClientCidr=10.0.0.0/9": (
        "public: {} changes from `10.0.0.0/8` to `10.0.0.0/9`: other clients reach the load balancer"
    ),
    "platform.CertificateArn=arn:other": (
        f"{{}} changes from `{CERTIFICATE}` to `arn:other`: clients are shown another certificate"
    ),
    "platform.DeletionProtection=false": (
        "{} changes from `true` to `false`: nothing keeps the load balancer from being deleted"
    ),
    "platform.DeletionProtection=true": "",
}


@pytest.mark.parametrize(("setting", "words"), PARAMETERS.items())
def test_risks_of_a_stack(setting: str, words: str) -> None:
    place, given, value = setting.partition("=")
    stack, name = place.split(".")
    after = with_parameters(stack, **{name: value if given else None})
    risks = [words.format(f"`stacks.{place}`")] if words else []
    assert environment_risks(PRODUCTION, after, (DEFAULTS, DEFAULTS)) == risks


def app(**parameters: str) -> dict[str, Any]:
    """The service's entry with some parameters set."""
    return {"parameters": {**APP["parameters"], **parameters}}


@pytest.mark.parametrize(
    ("after", "risks"),
    [
        (APP, []),
        (app(MinTasks="0"), ["`{}.MinTasks` falls from `2` to `0`: nothing runs when nobody asks"]),
        (
            app(MinTasks="1"),
            ["`{}.MinTasks` falls from `2` to `1`: the end of one task, or of its zone, is an outage"],
        ),
        (app(MinTasks="3"), []),
        (app(MinTasks="many"), ["`{}.MinTasks` changes from `2` to `many`: fewer tasks stand ready"]),
        (app(MaxTasks="4"), ["`{}.MaxTasks` falls from `10` to `4`: scaling stops earlier under load"]),
        (app(CpuPercent="90"), ["`{}.CpuPercent` rises from `60` to `90`: tasks are added later under load"]),
        (app(CpuPercent="30"), []),
        (None, ["service `app` is no longer part of it"]),
    ],
)
def test_risks_of_a_service(after: dict[str, Any] | None, risks: list[str]) -> None:
    expected = [risk.format("services.app") for risk in risks]
    assert service_risks("app", APP, after, (DEFAULTS, DEFAULTS)) == expected


def test_of_a_service_that_comes_only_what_is_open_to_all_is_said() -> None:
    assert service_risks("new", None, {"parameters": {"MinTasks": "1", "Cidr": "10.0.0.0/8,::/0"}}) == [
        "public: `services.new.Cidr` is open to `10.0.0.0/8,::/0`"
    ]


def test_the_way_back_of_what_only_improves_is_no_risk() -> None:
    for worse in (with_parameters("network", NatGateways="none"), with_parameters("platform", CertificateArn=None)):
        assert environment_risks(worse, PRODUCTION, (DEFAULTS, DEFAULTS)) == []
    assert service_risks("app", app(MinTasks="0"), APP, (DEFAULTS, DEFAULTS)) == []


def test_without_the_templates_a_line_that_goes_is_still_said() -> None:
    assert environment_risks(PRODUCTION, with_parameters("network", FlowLogDays=None)) == [
        "`stacks.network.FlowLogDays` is no longer set, and was `90`"
    ]


def test_an_entry_that_is_several_templates_has_the_defaults_of_all() -> None:
    def body(parameters: str) -> str:
        return f"Parameters: {{{parameters}}}\nResources: {{A: {{Type: X}}}}\n"

    texts = {
        "infra/cloudformation/bootstrap-a.yaml": body("A: {Type: String, Default: x}, B: {Type: String}"),
        "infra/cloudformation/bootstrap-b.yaml": body("B: {Type: String, Default: y}"),
        "infra/cloudformation/network.yaml": body("C: {Type: String, Default: z}"),
    }
    assert template_defaults(texts) == {"bootstrap": {"A": "x", "B": "y"}, "network": {"C": "z"}}


def test_an_environment_that_comes_or_goes() -> None:
    assert environment_risks(None, PRODUCTION) == []
    assert environment_risks(PRODUCTION, None) == [
        "the environment is removed: its stacks stay until they are destroyed"
    ]


def test_every_parameter_of_every_template_has_a_rule_and_no_other() -> None:
    known = {parameter for name in NAMES for parameter in templates.load(Checkout(ROOT), name).parameters}
    assert {parameter for rule in RULES for parameter in rule.parameters} == known


@pytest.mark.parametrize("field", [field.name for field in msgspec.structs.fields(Environment)])
def test_every_field_is_watched(field: str) -> None:
    changed: dict[str, Any] = {"stacks": {}, "requires": [], "builders": ["pack"]}
    after = {**PRODUCTION, field: changed.get(field, "another")}
    # The name is the file's own; variables show in the rendered files, whose risks are found there.
    # Services and what each needs in a rehearsal stand in files of their own.
    aside = {"environment", "variables", "services", "rehearsals"}
    assert bool(environment_risks(PRODUCTION, after)) == (field not in aside)


@pytest.mark.parametrize("field", [field.name for field in msgspec.structs.fields(Service)])
def test_every_field_of_a_service_is_watched(field: str) -> None:
    after = {**APP, field: {"MaxTasks": "1"}}
    assert service_risks("app", APP, after)
