"""``gitops check``: every checker, or the named ones, with one line each."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from gitops import actions
from gitops.checks import running
from gitops.checks.catalogue import CHECKS
from gitops.checks.running import Result
from gitops.errors import GitopsError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Names of checks, and the list of them."""
    parser.add_argument("names", nargs="*", metavar="NAME", help="checks to run (default: all of them)")
    parser.add_argument("--list", action="store_true", help="list the checks and run none")


def run(arguments: argparse.Namespace) -> int:
    """Run the checks; 0 when all pass, 1 when any fails."""
    known = {check.name: check for check in CHECKS}
    if arguments.list:
        for check in sorted(CHECKS, key=lambda check: check.name):
            print(f"{check.name:<11} {check.about}")
        return 0
    unknown = [name for name in arguments.names if name not in known]
    if unknown:
        raise GitopsError(
            f"no check named {', '.join(unknown)} (there are: {', '.join(sorted(known))})",
            fix="check the spelling",
            exit_code=2,
        )
    chosen = [check for check in CHECKS if not arguments.names or check.name in arguments.names]
    results = running.run(chosen, arguments.root, at_once=running.cores(), report=_print_line)
    failed = [result for result in results if not result.passed]
    for result in failed:
        print(f"\n=== {result.name} ===\n{result.output.rstrip()}")
        actions.annotation("error", f"check {result.name}", f"gitops check {result.name} fails")
    print(f"\n{len(results) - len(failed)} of {len(results)} checks passed")
    actions.summary(summary(results))
    return 1 if failed else 0


def summary(results: Sequence[Result]) -> str:
    """The job summary: a table of all checks, and the output of each failed one in a fold."""
    failed = [result.name for result in results if not result.passed]
    verdict = f"{len(results) - len(failed)} of {len(results)} passed"
    title = f"### checks: {verdict}; {', '.join(failed)} failed" if failed else f"### checks: {verdict}"
    lines = [title, "", "| check | result | seconds |", "|---|---|---:|"]
    lines += [f"| {r.name} | {'passed' if r.passed else '**failed**'} | {r.seconds:.1f} |" for r in results]
    for result in results:
        if not result.passed:
            # Indented rather than fenced: no run of backticks in the output can end the block.
            block = "\n".join(f"    {line}" for line in result.output.rstrip().splitlines())
            lines += ["", f"<details><summary>{result.name}</summary>", "", block, "", "</details>"]
    return "\n".join(lines)


def _print_line(result: Result) -> None:
    print(f"{'ok  ' if result.passed else 'FAIL'} {result.name:<11} {result.seconds:5.1f} s", flush=True)
