from __future__ import annotations

import pytest

from gitops.pullrequests.comment import Comment, own, write

ABOUT = "gitops-review"


def posted(text: str, subject: str = ABOUT) -> str:
    made = write([], subject, text)
    assert made is not None
    return made.body


def test_the_first_time_a_comment_is_made() -> None:
    made = write([Comment(1, False, "looks good"), Comment(2, True, "coverage: 97 %")], ABOUT, "**No changes**")
    assert made is not None
    assert made.id is None
    assert made.body.startswith("**No changes**\n\n<!-- gitops-review sha256:")


def test_another_text_replaces_it_and_the_same_does_nothing() -> None:
    comments = [Comment(1, False, "hm"), Comment(2, True, posted("one"))]
    again = write(comments, ABOUT, "two")
    assert again is not None
    assert (again.id, again.body) == (2, posted("two"))
    assert write(comments, ABOUT, "one") is None


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
    made = write([comment], ABOUT, "text")
    assert made is not None
    assert made.id is None
