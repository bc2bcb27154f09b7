"""The real checkers over small templates: what they must see, they see."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from gitops.errors import GitopsError
from gitops.policy import checkers
from gitops.policy.filled import Filled, substitute
from tests.conftest import ROOT, missing

# checkov reads no resource whose Condition is false under the defaults.
BUCKET = """
Parameters:
  Kept: {Type: String, Default: "false", AllowedValues: ["true", "false"]}
Conditions:
  IsKept: !Equals [!Ref Kept, "true"]
Resources:
  Logs:
    Type: AWS::S3::Bucket
    Condition: IsKept
    Properties: {AccessControl: PublicRead}
  Topic:
    Type: AWS::SNS::Topic
    Properties: {KmsMasterKeyId: alias/topic}
"""
PATH = Path("infra/cloudformation/logs.yaml")


def filled(environment: str, kept: str) -> Filled:
    return Filled(environment, "logs", PATH, substitute(BUCKET, {"Kept": kept}))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with this template, and checkov where the real one has it."""
    if not (ROOT / checkers.CHECKOV).exists():
        missing("checkov is not installed", "its policies are not tested here")
    (tmp_path / checkers.CHECKOV.parts[0]).symlink_to(ROOT / checkers.CHECKOV.parts[0])
    (tmp_path / PATH).parent.mkdir(parents=True)
    (tmp_path / PATH).write_text(BUCKET, encoding="utf-8")
    return tmp_path


def test_checkov_sees_what_an_environments_values_switch_on(root: Path) -> None:
    without, with_bucket = checkers.checkov(root, [filled("staging", "false"), filled("production", "true")])
    assert without.failed == ()
    assert without.passed > 0
    assert "CKV_AWS_20" in {failure.rule for failure in with_bucket.failed}
    assert {failure.where for failure in with_bucket.failed} == {f"{PATH} with the values of production, Logs"}


def test_cfn_lint_sees_a_value_that_its_parameter_refuses(root: Path) -> None:
    [found] = [one for one in checkers.cfn_lint(root, [filled("staging", "maybe")]) if one.rule == "E2015"]
    assert found.where == f"{PATH} with the values of staging, Parameters.Kept.Default"


def test_without_checkov_the_next_step_is_named(tmp_path: Path) -> None:
    with pytest.raises(GitopsError, match=r"not installed in \.venv-checkov → make setup"):
        checkers.checkov(tmp_path, [])


def test_a_checker_that_says_nothing_useful_is_an_error(tmp_path: Path) -> None:
    program = tmp_path / checkers.CHECKOV
    program.parent.mkdir(parents=True)
    program.write_text(f"#!{shutil.which('sh') or sys.executable}\necho broken >&2\nexit 3\n", encoding="utf-8")
    program.chmod(0o755)
    with pytest.raises(GitopsError, match="checkov ended with 3 and said: broken"):
        checkers.checkov(tmp_path, [filled("staging", "true")])
