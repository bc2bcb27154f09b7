"""The risks of an environment file: a table of changes, and that no field of it goes unwatched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from gitops.environments import Environment
from gitops.review.settings import RULES, Defaults, environment_risks
from gitops.stacks import templates

ROOT = Path(__file__).parents[3]
TEMPLATES = sorted(path.stem for path in (ROOT / templates.FOLDER).glob("*.yaml"))
CERTIFICATE = "arn:aws:acm:eu-west-2:1:certificate/a"
DEFAULTS: Defaults = {
    "bootstrap": {"OidcProviderArn": "", "BuildsImages": "true"},
    "registry": {"PullAccounts": ""},
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
        "registry": {"PullAccounts": "111,222"},
        "network": {"FlowLogDays": "90"},
        "platform": {"CertificateArn": CERTIFICATE, "ClientCidr": "10.0.0.0/8"},
    },
    "services": {"app": {"MaxTasks": "10"}},
}


def with_parameters(name: str, **parameters: str | None) -> dict[str, Any]:
    """Production with some parameters of one stack or service set, or (None) taken out."""
    kind = "services" if name == "app" else "stacks"
    given = {**PRODUCTION[kind][name], **parameters}
    kept = {key: value for key, value in given.items() if value is not None}
    return {**PRODUCTION, kind: {**PRODUCTION[kind], name: kept}}


@pytest.mark.parametrize(
    ("after", "risks"),
    [
        (PRODUCTION, []),
        (
            {**PRODUCTION, "github": {"owner": "x"}},
            ["IAM: another repository or branch is trusted to deploy here"],
        ),
        ({**PRODUCTION, "account": "2"}, ["account changes from `1` to `2`"]),
        ({**PRODUCTION, "services": {}}, ["service `app` is no longer part of it"]),
        (
            {**PRODUCTION, "requires": ["image-scan"]},
            ["`provenance` is no longer required: an image is deployed whoever built it"],
        ),
        (
            {key: value for key, value in PRODUCTION.items() if key != "requires"},
            [
                "`provenance` is no longer required: an image is deployed whoever built it",
                "`image-scan` is no longer required: an image is built whether or not the registry scanned it",
            ],
        ),
        ({**PRODUCTION, "builders": ["docker"]}, []),
        ({**PRODUCTION, "builders": ["pack"]}, ["images are built by `pack`, not by `docker`"]),
        (
            {**PRODUCTION, "aws_config_file": "x/config"},
            [
                "the profiles that it is reached with come from `x/config`, not from nothing",
                "workflows no longer plan it or deploy to it",
            ],
        ),
        (
            with_parameters("registry", PullAccounts="111, 999"),
            [
                (
                    "IAM: `stacks.registry.PullAccounts` gains `999` and loses `222`: "
                    "an account outside may, or may no longer, pull the images"
                )
            ],
        ),
        (with_parameters("registry", PullAccounts="222, 111"), []),
        (
            with_parameters("bootstrap", OidcProviderArn="arn:x"),
            [
                (
                    "IAM: `stacks.bootstrap.OidcProviderArn` changes from nothing to `arn:x`: "
                    "another provider says which jobs may deploy here"
                )
            ],
        ),
        (
            with_parameters("bootstrap", GitHubBranch="x"),
            [
                (
                    "IAM: `stacks.bootstrap.GitHubBranch` is set to `x`, and was not set: "
                    "another repository or branch is trusted to deploy here"
                )
            ],
        ),
        (
            with_parameters("network", NatGateways="none"),
            [
                (
                    "`stacks.network.NatGateways` changes from `per-az` to `none`: "
                    "tasks can neither pull an image nor ask anything outside"
                )
            ],
        ),
        (
            with_parameters("network", NatGateways="single"),
            [
                (
                    "`stacks.network.NatGateways` changes from `per-az` to `single`: "
                    "the loss of one zone cuts every task off"
                )
            ],
        ),
        # A line that goes means the template's default, which is less here …
        (
            with_parameters("network", FlowLogDays=None),
            ["`stacks.network.FlowLogDays` falls from `90` to `30`: what is older is deleted"],
        ),
        (
            with_parameters("platform", CertificateArn=None),
            [
                f"`stacks.platform.CertificateArn` changes from `{CERTIFICATE}` to nothing: pages go over plain HTTP",
            ],
        ),
        # … or more open.
        (with_parameters("platform", ClientCidr=None), ["public: `stacks.platform.ClientCidr` is open to `0.0.0.0/0`"]),
        (
            with_parameters("platform", ClientCidr="10.0.0.0/9"),
            [
                (
                    "public: `stacks.platform.ClientCidr` changes from `10.0.0.0/8` to `10.0.0.0/9`: "
                    "other clients reach the load balancer"
                )
            ],
        ),
        (
            with_parameters("platform", CertificateArn="arn:other"),
            [
                (
                    f"`stacks.platform.CertificateArn` changes from `{CERTIFICATE}` to `arn:other`: "
                    "clients are shown another certificate"
                )
            ],
        ),
        (
            with_parameters("platform", DeletionProtection="false"),
            [
                (
                    "`stacks.platform.DeletionProtection` changes from `true` to `false`: "
                    "nothing keeps the load balancer from being deleted"
                )
            ],
        ),
        (with_parameters("platform", DeletionProtection="true"), []),
        (
            with_parameters("app", MinTasks="0"),
            ["`services.app.MinTasks` falls from `2` to `0`: nothing runs when nobody asks"],
        ),
        (
            with_parameters("app", MinTasks="1"),
            ["`services.app.MinTasks` falls from `2` to `1`: the end of one task, or of its zone, is an outage"],
        ),
        (with_parameters("app", MinTasks="3"), []),
        (
            with_parameters("app", MinTasks="many"),
            ["`services.app.MinTasks` changes from `2` to `many`: fewer tasks stand ready"],
        ),
        (
            with_parameters("app", MaxTasks="4"),
            ["`services.app.MaxTasks` falls from `10` to `4`: scaling stops earlier under load"],
        ),
        (
            with_parameters("app", CpuPercent="90"),
            ["`services.app.CpuPercent` rises from `60` to `90`: tasks are added later under load"],
        ),
        (with_parameters("app", CpuPercent="30"), []),
        (
            {**PRODUCTION, "services": {**PRODUCTION["services"], "new": {"MinTasks": "1", "Cidr": "10.0.0.0/8,::/0"}}},
            ["public: `services.new.Cidr` is open to `10.0.0.0/8,::/0`"],
        ),
    ],
)
def test_risks_of_an_environment(after: dict[str, Any], risks: list[str]) -> None:
    assert environment_risks(PRODUCTION, after, (DEFAULTS, DEFAULTS)) == risks


def test_the_way_back_of_what_only_improves_is_no_risk() -> None:
    for name, parameters in (
        ("network", {"NatGateways": "none"}),
        ("platform", {"CertificateArn": None}),
        ("app", {"MinTasks": "0"}),
    ):
        worse = with_parameters(name, **parameters)
        assert environment_risks(worse, PRODUCTION, (DEFAULTS, DEFAULTS)) == []


def test_without_the_templates_a_line_that_goes_is_still_said() -> None:
    assert environment_risks(PRODUCTION, with_parameters("network", FlowLogDays=None)) == [
        "`stacks.network.FlowLogDays` is no longer set, and was `90`"
    ]


def test_an_environment_that_comes_or_goes() -> None:
    assert environment_risks(None, PRODUCTION) == []
    assert environment_risks(PRODUCTION, None) == [
        "the environment is removed: its stacks stay until they are destroyed"
    ]


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_parameter_of_every_template_has_a_rule(name: str) -> None:
    ruled = {parameter for rule in RULES for parameter in rule.parameters}
    assert set(templates.load(ROOT, name).parameters) <= ruled


def test_no_rule_is_for_a_parameter_that_no_template_has() -> None:
    known = {parameter for name in TEMPLATES for parameter in templates.load(ROOT, name).parameters}
    assert {parameter for rule in RULES for parameter in rule.parameters} <= known


@pytest.mark.parametrize("field", [field.name for field in msgspec.structs.fields(Environment)])
def test_every_field_is_watched(field: str) -> None:
    changed: dict[str, Any] = {"stacks": {}, "services": {}, "requires": [], "builders": ["pack"]}
    after = {**PRODUCTION, field: changed.get(field, "another")}
    # The name is the file's own; variables show in the rendered files, whose risks are found there.
    assert bool(environment_risks(PRODUCTION, after)) == (field not in {"environment", "variables"})
