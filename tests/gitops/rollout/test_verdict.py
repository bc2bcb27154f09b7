"""Exit codes are an interface: workflows and people's scripts branch on them."""

from __future__ import annotations

from gitops.rollout.verdict import Verdict


def test_each_verdict_has_its_documented_exit_code() -> None:
    assert {verdict.value: verdict.exit_code for verdict in Verdict} == {
        "succeeded": 0,
        "rolled back": 20,
        "failed": 21,
        "superseded": 22,
        "timed out": 23,
        "unproven": 24,
    }


def test_each_verdict_says_what_it_means() -> None:
    assert len({verdict.meaning for verdict in Verdict}) == len(Verdict)
