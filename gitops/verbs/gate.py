"""``gitops gate``: one result for all jobs before it, the check that a branch rule requires."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Collection, Mapping

from gitops import github
from gitops.arguments import argument
from gitops.errors import GitopsError

VARIABLE = "NEEDS"


ARGUMENTS = (
    argument("--may-skip", action="append", default=[], metavar="JOB", help="a job that may be skipped (repeatable)"),
)
DESCRIPTION = f"Fail unless every job in the variable {VARIABLE} (the workflow's toJSON(needs)) succeeded."


def run(arguments: argparse.Namespace) -> int:
    """0 when the gate is open, 1 when a job did not succeed."""
    results = parse(os.environ.get(VARIABLE, ""))
    unknown = sorted(set(arguments.may_skip) - set(results))
    if unknown:
        raise GitopsError(f"{VARIABLE} holds no job {', '.join(unknown)}", fix="name it under needs: of the gate")
    closed = blocking(results, arguments.may_skip)
    for job, result in sorted(results.items()):
        print(f"{job}: {result}")
    for job in closed:
        github.annotation("error", "gate", f"{job}: {results[job]}")
    print(f"closed by {', '.join(closed)}" if closed else "open")
    return 1 if closed else 0


def parse(needs: str) -> dict[str, str]:
    """The result of each job from the JSON of the ``needs`` context; GitopsError when it is not that."""
    try:
        results = {str(job): str(entry["result"]) for job, entry in json.loads(needs).items()}
    except (ValueError, AttributeError, KeyError, TypeError):
        raise GitopsError(
            f"{VARIABLE} is not the JSON of a needs context", fix=f"set {VARIABLE}: ${{{{ toJSON(needs) }}}} in env:"
        ) from None
    if not results:
        raise GitopsError(f"{VARIABLE} holds no job", fix="list the jobs under needs: of the gate")
    return results


def blocking(results: Mapping[str, str], may_skip: Collection[str]) -> list[str]:
    """The jobs, sorted, that close the gate: failed, cancelled, or skipped without being allowed to."""
    return sorted(
        job for job, result in results.items() if result != "success" and not (result == "skipped" and job in may_skip)
    )
