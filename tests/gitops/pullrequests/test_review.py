from __future__ import annotations

from pathlib import Path

import pytest

from gitops.pullrequests import comment, review
from gitops.review.markdown import COMMENT_BUDGET

NAMES = review.wanted(["staging", "production"])


def test_the_diff_comes_first_then_each_plan() -> None:
    assert NAMES == ["diff", "plan-staging", "plan-production"]
    text = review.compose(NAMES, {"plan-production": "p\n", "diff": "d\n", "plan-staging": "s\n"})
    assert text == "d\n\ns\n\np"


def test_a_part_whose_job_failed_is_said() -> None:
    text = review.compose(NAMES, {"diff": "d", "plan-staging": " "}, "https://github.com/o/r/actions/runs/1")
    assert "**plan-staging is missing**: its job did not end well; see [the run](https://github.com/o/r/" in text
    assert "**plan-production is missing**" in text


@pytest.mark.parametrize("environments", [1, 2, 5])
def test_parts_of_their_share_fit_and_github_takes_the_comment(environments: int) -> None:
    names = review.wanted(f"e{number}" for number in range(environments))
    parts = {name: "→" * (review.share(environments) - 2) for name in names}
    text = review.compose(names, parts)
    assert "too long" not in text
    made = comment.write([], review.SUBJECT, text)
    assert made is not None
    assert len(made.body) <= COMMENT_BUDGET


def test_what_does_not_fit_is_left_out_whole_and_said() -> None:
    parts = {"diff": "x" * 70_000, "plan-staging": "s", "plan-production": "p"}
    text = review.compose(NAMES, parts)
    assert text == "**diff is too long** for this comment; it stands in the summary of the run.\n\ns\n\np"


def test_what_is_written_is_read(tmp_path: Path) -> None:
    review.write_part(tmp_path / "review", "diff", "d")
    assert review.read_parts(tmp_path / "review", NAMES) == {"diff": "d"}
