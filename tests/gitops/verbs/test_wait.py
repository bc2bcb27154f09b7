"""``--wait`` of the verbs whose first run may come before the apply that they depend on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.gitops.conftest import Gitops


@pytest.mark.parametrize("verb", ["build", "register"])
@pytest.mark.parametrize("seconds", ["soon", "-1", "inf", ""])
def test_what_are_no_seconds_is_a_usage_error(repository: Path, gitops: Gitops, verb: str, seconds: str) -> None:
    outcome = gitops(verb, "app", "staging", f"--wait={seconds}")
    assert outcome.code == 2
    assert "--wait: not a number of seconds from 0" in outcome.err
