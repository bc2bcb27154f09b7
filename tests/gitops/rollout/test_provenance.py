"""Where a revision comes from, written on it and read again."""

from __future__ import annotations

import re

from gitops.rollout.provenance import SUCCEEDED, Provenance, read, run_on_github

FULL = Provenance(
    project="demo",
    environment="staging",
    service="app",
    commit="a" * 40,
    digest="sha256:" + "b" * 64,
    content_hash="c" * 64,
    run="123.2",
    run_url="https://github.com/o/r/actions/runs/123/attempts/2",
    verdict=SUCCEEDED,
    rolled_back_from="app-staging:2",
)


def test_what_was_written_is_read_again() -> None:
    assert read(FULL.tags()) == FULL
    assert read([]) == Provenance()
    assert read([{"key": "Team", "value": "x"}, *FULL.tags()]) == FULL


def test_tags_are_what_ecs_accepts() -> None:
    # docs.aws.amazon.com, "Tagging Amazon ECS resources": restrictions.
    for tag in FULL.tags():
        assert re.fullmatch(r"[\w +\-=.:/@]{1,256}", tag["value"])
    assert [tag["key"] for tag in Provenance(commit="a").tags()] == ["Commit"]


def test_a_run_is_known_by_id_attempt_and_url() -> None:
    environment = {
        "GITHUB_RUN_ID": "123",
        "GITHUB_RUN_ATTEMPT": "2",
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_REPOSITORY": "o/r",
    }
    assert run_on_github(environment) == (FULL.run, FULL.run_url)
    assert run_on_github({}) == ("", "")


def test_a_rollback_is_unfinished_until_it_has_served() -> None:
    assert Provenance(rolled_back_from="app-staging:2").is_unfinished_rollback
    assert not Provenance(rolled_back_from="app-staging:2", verdict=SUCCEEDED).is_unfinished_rollback
    assert not Provenance(commit="a").is_unfinished_rollback
