"""Runs cfn-lint and checkov over files, offline and side by side, and reads their JSON."""

from __future__ import annotations

import math
import os
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

import msgspec

from gitops import tools
from gitops.errors import GitopsError
from gitops.policy import findings
from gitops.policy.filled import Filled
from gitops.policy.findings import Finding, Match, Outcome, Report
from gitops.repository import Checkout

Kind = TypeVar("Kind")
# Either checker takes as long to start as it takes for some files.
_WORTH_A_START = 6


def cfn_lint(checkout: Checkout, own: Sequence[Path], filled: Sequence[Filled]) -> list[Finding]:
    """cfn-lint's findings in templates as they stand (paths relative to the top folder), and in filled ones."""
    command = [tools.tool("cfn-lint"), "--format", "json"]
    with tempfile.TemporaryDirectory(prefix="gitops-lint-") as name:
        folder = Path(name)
        distinct = {str(folder / file): them for file, them in _distinct(filled).items()}
        _write(folder, [them[0] for them in distinct.values()])
        files = [*map(str, own), *distinct]
        reports = _side_by_side(
            [
                partial(_report, [*command, *share], list[Match], cwd=checkout.root)
                for share in shares(files, tools.cores())
            ]
        )
    return findings.lint((match for report in reports for match in report), distinct)


def checkov(checkout: Checkout, filled: Sequence[Filled]) -> list[Outcome]:
    """checkov's outcome per environment. GitopsError when it is not installed or cannot read a template."""
    words = ["--framework", "cloudformation", "--output", "json", "--compact", "--skip-download", "--soft-fail"]
    command = [tools.checkov(checkout), *words]
    with tempfile.TemporaryDirectory(prefix="gitops-policy-") as folder:
        # Its own home and no setting of the caller's: neither a config file nor a platform key changes the result.
        environment = {"HOME": folder, "PATH": os.environ.get("PATH", os.defpath), "LOG_LEVEL": "ERROR"}
        distinct = _distinct(filled)
        runs = []
        for number, share in enumerate(shares(list(distinct), tools.cores())):
            scanned = Path(folder, str(number))
            _write(scanned, [distinct[file][0] for file in share])
            asked = [*command, "--directory", str(scanned)]
            runs.append(partial(_report, asked, Report, cwd=Path(folder), environment=environment))
        reports = _side_by_side(runs)
    outcomes = findings.policy([report.results for report in reports], distinct)
    asked_for = list(dict.fromkeys(one.environment for one in filled))
    return sorted(outcomes, key=lambda outcome: asked_for.index(outcome.environment))


def _distinct(filled: Sequence[Filled]) -> dict[str, list[Filled]]:
    """Stacks whose filled templates are the same text, by the name of the one file they are checked in."""
    found: dict[str, list[Filled]] = {}
    for one in filled:
        found.setdefault(one.text, []).append(one)
    return {findings.file_of(them[0]): them for them in found.values()}


def shares(files: Sequence[str], cores: int) -> list[Sequence[str]]:
    """Equal parts, one a core, as long as each is worth the seconds that a checker takes to start."""
    number = min(cores, math.ceil(len(files) / _WORTH_A_START))
    return [files[part::number] for part in range(number)]


def _side_by_side(runs: Sequence[Callable[[], Kind]]) -> list[Kind]:
    with ThreadPoolExecutor(tools.cores()) as pool:
        return list(pool.map(lambda run: run(), runs))


def _write(folder: Path, filled: Sequence[Filled]) -> None:
    for one in filled:
        path = folder / findings.file_of(one)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(one.text, encoding="utf-8")


def _report(command: list[str], kind: type[Kind], *, cwd: Path, environment: dict[str, str] | None = None) -> Kind:
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    try:
        return msgspec.json.decode(done.stdout, type=kind)
    except msgspec.DecodeError:
        said = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        problem = f"{Path(command[0]).name} ended with {done.returncode} and said: {(said or ['nothing'])[-1]}"
        raise GitopsError(problem, fix="make setup") from None
