from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from gitops.checks.catalogue import CHECKS
from gitops.checks.running import Result
from gitops.errors import GitopsError
from gitops.repository import Checkout
from gitops.verbs import check
from gitops.verbs import test as test_verb
from tests.conftest import ROOT
from tests.gitops.conftest import commit, write


def test_the_list_names_every_check_and_runs_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert check.run(argparse.Namespace(checkout=Checkout(ROOT), names=[], list=True)) == 0
    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert listed == sorted(one.name for one in CHECKS)


def test_an_unknown_check_is_a_wrong_use_and_runs_none(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(GitopsError, match="no check named lock ") as caught:
        check.run(argparse.Namespace(checkout=Checkout(ROOT), names=["locks", "lock"], list=False, base=""))
    assert caught.value.exit_code == 2
    assert capsys.readouterr().out == ""


def test_a_named_check_runs_alone_and_says_how_it_ended(capsys: pytest.CaptureFixture[str]) -> None:
    assert check.run(argparse.Namespace(checkout=Checkout(ROOT), names=["dockerfile"], list=False, base="")) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("ok   dockerfile ")
    assert lines[-1] == "checks: 1 of 1 passed"


def test_the_summary_holds_what_failed_whatever_it_printed() -> None:
    text = check.summary([Result("good", "passed", 1.0, "fine"), Result("bad", "failed", 0.25, "```\n</details>\n")])
    assert text.startswith("### checks: 1 of 2 passed; bad failed\n")
    assert "| good | passed | 1.0 |" in text
    assert "| bad | **failed** | 0.2 |" in text
    assert "fine" not in text
    assert "\n````text\n```\n</details>\n````\n" in text
    assert check.summary([Result("good", "passed", 1.0, "")]).splitlines()[0] == "### checks: 1 of 1 passed"


@pytest.fixture
def shop(tmp_path: Path) -> Checkout:
    """A repository with one service whose only test passes, and one commit."""
    write(tmp_path / "services/a-shop/Dockerfile", "FROM scratch")
    write(tmp_path / "tests/services/a_shop/test_one.py", "def test_one(): pass\n")
    write(tmp_path / "infra/environments/staging.yaml", "x")
    commit(tmp_path, "one")
    return Checkout(tmp_path)


def test_the_tests_of_a_service_are_in_its_own_folder(shop: Checkout) -> None:
    assert test_verb.tests_of(shop, "a-shop") == "tests/services/a_shop"


@pytest.mark.parametrize("service", ["b-shop", "../gitops", ""])
def test_an_unknown_service_is_named(shop: Checkout, service: str) -> None:
    with pytest.raises(GitopsError, match="there are: a-shop"):
        test_verb.tests_of(shop, service)


@pytest.mark.parametrize(
    ("path", "content", "code", "said"),
    [
        ("docs/a.md", "x", 0, "can affect: none\n"),
        ("services/a-shop/app.py", "x", 0, "can affect: tests/services/a_shop\n"),
        ("tests/services/a_shop/test_two.py", "def test_two(): assert False", 1, "can affect: tests/services/a_shop\n"),
    ],
)
def test_a_change_runs_the_tests_that_it_can_affect(
    shop: Checkout, path: str, content: str, code: int, said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    write(shop.root / path, content)
    arguments = argparse.Namespace(checkout=shop, service=None, base="HEAD")
    assert test_verb.run(arguments) == code
    out = capfd.readouterr().out
    assert said in out
    assert ("1 passed" in out) == ("a_shop" in said)


def test_a_change_runs_the_checks_that_it_can_affect(shop: Checkout, capsys: pytest.CaptureFixture[str]) -> None:
    write(shop.root / "docs/a.md", "x")
    assert check.run(argparse.Namespace(checkout=shop, names=[], list=False, base="HEAD")) == 0
    assert capsys.readouterr().out.splitlines()[0] == "checks that the change since HEAD can affect: secrets"
