from __future__ import annotations

import pytest

from gitops.pullrequests import reached
from gitops.pullrequests.reached import Row
from gitops.rollout.verdict import Verdict

REPORT = "https://github.com/o/r--s/actions/runs/1/attempts/1#summary-9"
ENVIRONMENTS = ["staging", "production"]
OK = Row("succeeded", "a" * 40, REPORT)


def test_a_change_that_reached_staging_only() -> None:
    assert reached.text("weather", ENVIRONMENTS, {"staging": OK}).splitlines()[:6] == [
        "**weather reached staging**",
        "",
        "| environment | result | commit | |",
        "|---|---|---|---|",
        f"| staging | ✅ succeeded | aaaaaaaaaaaa | [report]({REPORT}) |",
        "| production | not yet | | |",
    ]


def test_the_next_deploy_adds_its_row_to_what_the_comment_holds() -> None:
    text = reached.text("weather", ENVIRONMENTS, {"staging": OK})
    assert reached.rows(text) == {"staging": OK}
    hidden = text.splitlines()[-1]
    assert "--" not in hidden.removeprefix("<!--").removesuffix("-->"), "the comment would end there"


@pytest.mark.parametrize("body", ["", "looks good", "<!-- reached {} -->", "<!-- reached {broken} -->"])
def test_a_comment_without_rows_has_none(body: str) -> None:
    assert reached.rows(body) == {}


@pytest.mark.parametrize("verdict", Verdict)
def test_every_verdict_has_its_word(verdict: Verdict) -> None:
    row = reached.row(verdict.value, "b" * 40, REPORT, taken_back=False)
    text = reached.text("weather", ENVIRONMENTS, {"staging": OK, "production": row})
    assert verdict.value in text.splitlines()[5]
    assert ("reached staging and production" in text) == (verdict is Verdict.SUCCEEDED)


def test_a_deploy_that_failed_is_in_the_first_line() -> None:
    known = {"staging": reached.row("rolled back", "b" * 40, REPORT, taken_back=False)}
    first = reached.text("weather", ENVIRONMENTS, known).splitlines()[0]
    assert first == "**weather has reached no environment; rolled back in staging**"


@pytest.mark.parametrize(
    ("verdict", "taken_back", "result"),
    [
        ("", False, "ended before a verdict"),
        ("succeeded", True, "taken back"),
        ("rolled back", True, "to be taken back: rolled back"),
        ("", True, "to be taken back: ended before a verdict"),
    ],
)
def test_what_is_no_success_is_not_called_one(verdict: str, taken_back: bool, result: str) -> None:
    row = reached.row(verdict, "b" * 40, REPORT, taken_back=taken_back)
    assert row.result == result
    assert "⚠️" in reached.text("weather", ENVIRONMENTS, {"production": row})


def test_a_report_is_linked_only_where_there_is_one() -> None:
    row = Row("succeeded", "c" * 40, "javascript:alert(1)")
    assert "alert" not in reached.text("weather", [], {"staging": row}).splitlines()[4]
