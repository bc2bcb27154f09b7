"""The comments on a pull request."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitops.deploy.decision import Verdict
from gitops.github import Comment
from gitops.repository import Checkout
from gitops.review import pull_request
from gitops.review.pull_request import Row, own
from gitops.text import COMMENT_BUDGET
from tests.gitops.conftest import commit, write

ABOUT = "gitops-review"


def posted(text: str, subject: str = ABOUT) -> str:
    made = pull_request.write([], subject, text)
    assert made is not None
    return made.body


def test_a_comment_is_made_once_and_another_text_replaces_it() -> None:
    others = [Comment(1, False, "looks good"), Comment(3, True, "coverage: 97 %")]
    made = pull_request.write(others, ABOUT, "**No changes**")
    assert made is not None
    assert made.id is None
    assert made.body.startswith("**No changes**\n\n<!-- gitops-review sha256:")
    comments = [*others, Comment(2, True, made.body)]
    assert pull_request.write(comments, ABOUT, "two") == pull_request.Write(2, posted("two"))
    assert pull_request.write(comments, ABOUT, "**No changes**") is None


@pytest.mark.parametrize(
    "comment",
    [
        Comment(5, False, posted("copied by a person")),
        Comment(5, True, posted("of another service", "gitops-reached-weather")),
        Comment(5, True, posted("quoted") + "and what somebody added"),
        Comment(5, True, ""),
    ],
    ids=["a person's", "another subject", "marker not at its end", "empty"],
)
def test_what_is_not_ours_is_left_alone(comment: Comment) -> None:
    assert own([comment], ABOUT) is None
    made = pull_request.write([comment], ABOUT, "text")
    assert made is not None
    assert made.id is None


OURS = ["services/app", "taskdefs/app"]


@pytest.fixture
def line(tmp_path: Path) -> list[str]:
    """Three commits of the service with one of something else before the last."""
    made = []
    for path in ("services/app/one", "taskdefs/app/two", "docs/three", "services/app/four"):
        write(tmp_path / path, path)
        made.append(commit(tmp_path, path))
    return made


NOT_HERE = "0" * 40


@pytest.mark.parametrize(
    ("before", "after", "commits", "taken_back"),
    [
        # A deploy brings what touches the service, newest first, and a rollback takes the same ones back.
        (0, 3, (3, 1), False),
        (3, 0, (3, 1), True),
        # Without anything before it the commit stands alone.
        ("", 3, (3,), False),
        (NOT_HERE, 3, (3,), False),
        (3, 3, (3,), False),
        # A deploy of nothing of the service is told to its own commit.
        (1, 2, (2,), False),
    ],
)
def test_the_commits_that_a_deploy_moves(
    tmp_path: Path, line: list[str], before: int | str, after: int, commits: tuple[int, ...], taken_back: bool
) -> None:
    was = before if isinstance(before, str) else line[before]
    found = pull_request.moved(Checkout(tmp_path), was, line[after], OURS)
    assert found == pull_request.Moved(tuple(line[number] for number in commits), taken_back)


def test_a_merge_stands_for_the_commits_of_its_branch(tmp_path: Path, line: list[str]) -> None:
    """GitHub knows a pull request by the commit that merged it."""
    git = Checkout(tmp_path).git
    git("checkout", "-q", "-b", "change")
    for number in range(2):
        write(tmp_path / "services/app/five", str(number))
        commit(tmp_path, f"Five {number}")
    git("checkout", "-q", "main")
    git("-c", "user.name=a", "-c", "user.email=a@example.com", "merge", "-q", "--no-ff", "-m", "Merge", "change")
    merge = git("rev-parse", "HEAD").strip()
    assert pull_request.moved(Checkout(tmp_path), line[-1], merge, OURS).commits == (merge,)


REPORT = "https://github.com/o/r--s/actions/runs/1/attempts/1#summary-9"
ENVIRONMENTS = ["staging", "production"]
OK = Row("succeeded", "a" * 40, REPORT)


def test_a_change_that_reached_staging_only_whose_row_the_next_deploy_reads() -> None:
    text = pull_request.text("weather", ENVIRONMENTS, {"staging": OK})
    assert text.splitlines()[:6] == [
        "**weather reached staging**",
        "",
        "| environment | result | commit | |",
        "|---|---|---|---|",
        f"| staging | ✅ succeeded | aaaaaaaaaaaa | [report]({REPORT}) |",
        "| production | not yet | | |",
    ]
    assert pull_request.rows(text) == {"staging": OK}
    assert "--" not in text.splitlines()[-1][4:-3], "the comment would end there"


@pytest.mark.parametrize("body", ["", "looks good", "<!-- reached {} -->", "<!-- reached {broken} -->"])
def test_a_comment_without_rows_has_none(body: str) -> None:
    assert pull_request.rows(body) == {}


@pytest.mark.parametrize("verdict", Verdict)
def test_every_verdict_has_its_word(verdict: Verdict) -> None:
    row = pull_request.row(verdict.value, "b" * 40, REPORT, taken_back=False)
    text = pull_request.text("weather", ENVIRONMENTS, {"staging": OK, "production": row})
    assert verdict.value in text.splitlines()[5]
    assert ("reached staging and production" in text) == (verdict is Verdict.SUCCEEDED)


@pytest.mark.parametrize(
    ("verdict", "taken_back", "result", "sign"),
    [
        ("rolled back", False, "rolled back", "❌"),
        ("", False, "ended before a verdict", "⚠️"),
        ("succeeded", True, "taken back", "⚠️"),
        ("rolled back", True, "to be taken back: rolled back", "⚠️"),
        ("", True, "to be taken back: ended before a verdict", "⚠️"),
    ],
)
def test_what_is_no_success_is_in_the_first_line(verdict: str, taken_back: bool, result: str, sign: str) -> None:
    row = pull_request.row(verdict, "b" * 40, REPORT, taken_back=taken_back)
    assert row.result == result
    text = pull_request.text("weather", [], {"staging": row})
    assert text.startswith(f"**weather has reached no environment; {result} in staging**\n")
    assert f"| staging | {sign} {result} |" in text


def test_a_report_is_linked_only_where_there_is_one() -> None:
    row = Row("succeeded", "c" * 40, "javascript:alert(1)")
    assert "alert" not in pull_request.text("weather", [], {"staging": row}).splitlines()[4]


NAMES = pull_request.wanted(["staging", "production"])


def test_the_diff_comes_first_then_each_plan_and_what_is_missing_is_said() -> None:
    assert NAMES == ["diff", "plan-staging", "plan-production"]
    text = pull_request.compose(NAMES, {"plan-production": "p\n", "diff": "d\n", "plan-staging": "s\n"})
    assert text == "d\n\ns\n\np"
    text = pull_request.compose(NAMES, {"diff": "d", "plan-staging": " "}, "https://github.com/o/r/actions/runs/1")
    assert "**plan-staging is missing**: its job did not end well; see [the run](https://github.com/o/r/" in text
    assert "**plan-production is missing**" in text


@pytest.mark.parametrize("environments", [1, 2, 5])
def test_parts_of_their_share_fit_and_github_takes_the_comment(environments: int) -> None:
    names = pull_request.wanted(f"e{number}" for number in range(environments))
    parts = {name: "→" * (pull_request.share(environments) - 2) for name in names}
    text = pull_request.compose(names, parts)
    assert "too long" not in text
    made = pull_request.write([], pull_request.SUBJECT, text)
    assert made is not None
    assert len(made.body) <= COMMENT_BUDGET


def test_what_does_not_fit_is_left_out_whole_and_said() -> None:
    parts = {"diff": "x" * 70_000, "plan-staging": "s", "plan-production": "p"}
    text = pull_request.compose(NAMES, parts)
    assert text == "**diff is too long** for this comment; it stands in the summary of the run.\n\ns\n\np"


def test_what_is_written_is_read(tmp_path: Path) -> None:
    pull_request.write_part(tmp_path / "review", "diff", "d")
    assert pull_request.read_parts(tmp_path / "review", NAMES) == {"diff": "d"}
