"""The real checkers over small templates: what they must see, they see."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from gitops.errors import GitopsError
from gitops.policy import checkers
from gitops.policy.filled import Filled, substitute
from gitops.repository import Checkout
from gitops.tools import CHECKOV, NotInstalledError
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
    if not (ROOT / CHECKOV).exists():
        missing("checkov is not installed", "its policies are not tested here")
    (tmp_path / CHECKOV.parts[0]).symlink_to(ROOT / CHECKOV.parts[0])
    (tmp_path / PATH).parent.mkdir(parents=True)
    (tmp_path / PATH).write_text(BUCKET, encoding="utf-8")
    return tmp_path


def test_checkov_sees_what_an_environments_values_switch_on(root: Path) -> None:
    without, with_bucket = checkers.checkov(Checkout(root), [filled("staging", "false"), filled("production", "true")])
    assert without.failed == ()
    assert without.passed > 0
    assert "CKV_AWS_20" in {failure.rule for failure in with_bucket.failed}
    assert {failure.where for failure in with_bucket.failed} == {f"{PATH} with the values of production, Logs"}


def test_what_is_the_same_text_is_looked_at_once_and_told_of_each(root: Path) -> None:
    every = [filled(name, "true") for name in ("staging", "production")]
    staging, production = checkers.checkov(Checkout(root), every)
    assert (staging.environment, production.environment) == ("staging", "production")
    assert [one.rule for one in staging.failed] == [one.rule for one in production.failed] != []
    assert {one.where.split(",")[0] for one in production.failed} == {f"{PATH} with the values of production"}
    wrong = [filled(name, "maybe") for name in ("staging", "production")]
    found = [one.where for one in checkers.cfn_lint(Checkout(root), [PATH], wrong) if one.rule == "E2015"]
    assert found == [f"{PATH} with the values of {name}, Parameters.Kept.Default" for name in ("production", "staging")]


@pytest.mark.parametrize(
    ("files", "cores", "shares"),
    [
        ("", 2, []),
        ("abc", 2, ["abc"]),
        ("abcdefg", 1, ["abcdefg"]),
        ("abcdefg", 2, ["aceg", "bdf"]),
        ("abcdefg", 8, ["aceg", "bdf"]),
        ("abcdefghijklmn", 8, ["adgjm", "behkn", "cfil"]),
    ],
)
def test_each_core_has_its_share_where_that_is_worth_a_start(files: str, cores: int, shares: list[str]) -> None:
    assert ["".join(share) for share in checkers.shares(list(files), cores)] == shares


def test_many_templates_are_told_of_as_one_would_be(root: Path) -> None:
    every = [filled(f"e{number}", "true" if number % 3 else "false") for number in range(9)]
    every = [one._replace(text=f"{one.text}# {one.environment}\n") for one in every]
    outcomes = checkers.checkov(Checkout(root), every)
    assert [outcome.environment for outcome in outcomes] == [one.environment for one in every]
    assert [bool(outcome.failed) for outcome in outcomes] == [number % 3 != 0 for number in range(9)]


def test_without_checkov_the_next_step_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(NotInstalledError, match=r"checkov is not installed → .*python -m pip install checkov"):
        checkers.checkov(Checkout(tmp_path), [])


def test_a_checker_that_says_nothing_useful_is_an_error(tmp_path: Path) -> None:
    program = tmp_path / CHECKOV
    program.parent.mkdir(parents=True)
    program.write_text(f"#!{shutil.which('sh') or sys.executable}\necho broken >&2\nexit 3\n", encoding="utf-8")
    program.chmod(0o755)
    with pytest.raises(GitopsError, match="checkov ended with 3 and said: broken"):
        checkers.checkov(Checkout(tmp_path), [filled("staging", "true")])
