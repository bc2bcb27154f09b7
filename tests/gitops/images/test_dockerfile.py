"""The final stage of a Dockerfile."""

from __future__ import annotations

import pytest

from gitops.errors import GitopsError
from gitops.images.dockerfile import final_stage

TWO_STAGES = """\
ARG BASE=python:3.13-slim
FROM ${BASE} AS packages
WORKDIR /build
ENV SECRET_OF_THE_BUILD=1
CMD ["never"]
FROM ${BASE}
ARG COMMIT=unknown
ENV COMMIT=${COMMIT} PYTHONUNBUFFERED=1 \\
    GREETING="hello world"
WORKDIR /srv
WORKDIR app
USER 10001:10001
CMD ["gunicorn", "app:create_app()"]
"""


def test_only_the_final_stage_counts() -> None:
    stage = final_stage(TWO_STAGES, {"COMMIT": "abc"})
    assert stage.command == ("gunicorn", "app:create_app()")
    assert stage.entrypoint == ()
    assert stage.folder == "/srv/app"
    assert stage.user == "10001:10001"
    assert stage.environment == {"COMMIT": "abc", "PYTHONUNBUFFERED": "1", "GREETING": "hello world"}


def test_an_entrypoint_is_kept() -> None:
    text = 'FROM x\nWORKDIR /app\nENTRYPOINT ["python", "-m"]\nCMD ["app"]\n'
    assert final_stage(text, {}).entrypoint == ("python", "-m")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("FROM x\nWORKDIR /app\n", "no CMD in exec form"),
        ("FROM x\nWORKDIR /app\nCMD gunicorn app\n", 'no CMD in exec form: "gunicorn app"'),
        ("FROM x\nWORKDIR /app\nCMD []\n", "no CMD in exec form"),
        ("FROM x\nWORKDIR /app\nENTRYPOINT app\nCMD []\n", "exec form"),
        ('FROM x\nCMD ["app"]\n', "no WORKDIR"),
        ("WORKDIR /app\n", "no FROM"),
        ("", "no FROM"),
    ],
)
def test_what_cannot_be_run_is_refused(text: str, problem: str) -> None:
    with pytest.raises(GitopsError, match=problem):
        final_stage(text, {})
