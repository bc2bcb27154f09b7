"""Which revision a rollback goes back to, and the commits between two."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitops.rollout import history
from gitops.rollout.history import commits_between
from gitops.rollout.live import Revision
from gitops.rollout.provenance import SUCCEEDED, Provenance
from tests.gitops.conftest import commit, write
from tests.gitops.rollout.described import ARN


def revision(number: int, commit: str, *, served: bool = True) -> Revision:
    """A registered revision of a commit named by one letter."""
    return Revision(f"{ARN}{number}", "ACTIVE", "", Provenance(commit=commit, verdict=SUCCEEDED if served else ""))


@pytest.mark.parametrize(
    ("registered", "expected"),
    [
        ("A B", "A"),
        ("A B C", "B"),
        ("A b C", "A"),
        ("a b C", ""),
        ("C", ""),
        # C was rolled back to A: going back once more must not bring C, or B after A, again.
        ("A B C A", ""),
        ("Z A B C A", "Z"),
        # The same commit, registered again for another environment variable, is not another commit.
        ("A B B", "A"),
        # What was rolled back from is older than the commit that came after it.
        ("A B A C", "A"),
        ("A B c", "B"),
    ],
)
def test_the_last_commit_that_served_before_the_live_one(registered: str, expected: str) -> None:
    letters = registered.split()
    revisions = [revision(n, letter.upper(), served=letter.isupper()) for n, letter in enumerate(letters, start=1)]
    current = revisions[-1]
    order = "ZABC"

    def is_newer(other: str) -> bool:
        return order.index(other) > order.index(current.provenance.commit)

    found = history.last_good(reversed(revisions), current, is_newer)
    assert (found.provenance.commit if found else "") == expected


def test_a_revision_without_a_commit_is_never_gone_back_to() -> None:
    by_hand = Revision(f"{ARN}1", "ACTIVE", "", Provenance(verdict=SUCCEEDED))
    assert history.last_good([by_hand], revision(2, "B"), lambda _: False) is None


def test_a_commit_is_found_by_its_tag_and_only_when_it_has_served() -> None:
    revisions = [revision(4, "B"), revision(3, "A", served=False), revision(2, "A"), revision(1, "A")]
    assert history.of_commit(revisions, "A") == (revisions[2], revisions[1:3])
    assert history.of_commit(revisions[:2], "A") == (None, revisions[1:2])
    assert history.of_commit(revisions, "C") == (None, [])


def test_the_commits_between_two_are_told_with_their_subjects(tmp_path: Path) -> None:
    commits = []
    for subject in ("One", "Two", "Three"):
        write(tmp_path / "file", subject)
        commits.append(commit(tmp_path, subject))
    between = commits_between(tmp_path, commits[0], commits[2])
    assert [one.partition(" ")[2] for one in between] == ["Three", "Two"]
    assert commits_between(tmp_path, commits[2], commits[2]) == ()
    assert commits_between(tmp_path, "", commits[2]) == ()
    assert commits_between(tmp_path, "0" * 40, commits[2]) == ()
