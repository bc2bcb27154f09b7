from __future__ import annotations

import pytest

from rehearsal.steps import Taken, parse_outputs, table


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("service=missing\n", {"service": "missing"}),
        ("image=repo:sha@sha256:a=b\n", {"image": "repo:sha@sha256:a=b"}),
        ("report<<END\none\ntwo=2\nEND\nservice=exists\n", {"report": "one\ntwo=2", "service": "exists"}),
        ("formula=a<<b\n", {"formula": "a<<b"}),
        ("empty=\n", {"empty": ""}),
    ],
)
def test_outputs_are_read_as_github_reads_them(text: str, expected: dict[str, str]) -> None:
    assert parse_outputs(text) == expected


def test_table_lists_every_step_and_the_sum() -> None:
    lines = table([Taken("stacks", "infrastructure", 1.26), Taken("build", "build", 10.0)]).splitlines()
    assert lines[0].split() == ["step", "role", "seconds"]
    assert lines[2].split() == ["stacks", "infrastructure", "1.3"]
    assert lines[-1].split() == ["all", "11.3"]
    assert len({len(line) for line in lines if line}) == 1
