from __future__ import annotations

import argparse
import typing
from pathlib import Path

import pytest

from gitops import aws, environments
from gitops.verbs import role

ROOT = Path(__file__).parents[3]


def test_the_role_is_named_by_convention() -> None:
    production = environments.load(ROOT, "production")
    assert role.role_arn(production, "deploy") == (
        f"arn:aws:iam::{production.account}:role/{production.project}-production-deploy"
    )


def test_every_role_but_the_persons_own_can_be_asked_for() -> None:
    assert {*role.ROLES, "administrator"} == set(typing.get_args(aws.Role))


def test_the_job_gets_arn_account_and_region(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = tmp_path / "output"
    monkeypatch.setenv("GITHUB_OUTPUT", str(output))
    assert role.run(argparse.Namespace(root=ROOT, environment="staging", role="plan")) == 0
    staging = environments.load(ROOT, "staging")
    assert output.read_text().splitlines() == [
        f"role-arn={role.role_arn(staging, 'plan')}",
        f"account={staging.account}",
        f"region={staging.region}",
    ]
