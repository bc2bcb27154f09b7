"""Runs cfn-lint and checkov over files, offline, and reads their JSON."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from gitops.checks.catalogue import tool
from gitops.errors import GitopsError
from gitops.policy import findings
from gitops.policy.filled import Filled
from gitops.policy.findings import Finding, Match, Outcome, Report
from gitops.stacks.templates import FOLDER as TEMPLATES

# checkov pins an old boto3, so it has an environment of its own beside ours.
CHECKOV = Path(".venv-checkov/bin/checkov")

Kind = TypeVar("Kind")


def cfn_lint(root: Path, filled: Sequence[Filled]) -> list[Finding]:
    """cfn-lint's findings in the templates as they stand, and as each environment fills them."""
    with tempfile.TemporaryDirectory(prefix="gitops-lint-") as folder:
        written = {str(path): one for path, one in _write(Path(folder), filled)}
        own = [path.relative_to(root).as_posix() for path in sorted((root / TEMPLATES).glob("*.yaml"))]
        report = _report([tool("cfn-lint"), "--format", "json", *own, *written], list[Match], cwd=root)
    return findings.lint(report, written)


def checkov(root: Path, filled: Sequence[Filled]) -> list[Outcome]:
    """checkov's outcome per environment. GitopsError when it is not installed or cannot read a template."""
    program = root / CHECKOV
    if not program.exists():
        raise GitopsError(f"checkov is not installed in {CHECKOV.parent.parent}", fix="make setup")
    with tempfile.TemporaryDirectory(prefix="gitops-policy-") as folder:
        scanned = Path(folder, "scanned")
        _write(scanned, filled)
        command = [str(program), "--directory", str(scanned), "--framework", "cloudformation"]
        command += ["--output", "json", "--compact", "--skip-download", "--soft-fail"]
        # Its own home and no setting of the caller's: neither a config file nor a platform key changes the result.
        environment = {"HOME": folder, "PATH": os.environ.get("PATH", os.defpath), "LOG_LEVEL": "ERROR"}
        report = _report(command, Report, cwd=Path(folder), environment=environment)
    return findings.policy(report, filled)


def _write(folder: Path, filled: Sequence[Filled]) -> list[tuple[Path, Filled]]:
    written = []
    for one in filled:
        path = folder / findings.file_of(one)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(one.text, encoding="utf-8")
        written.append((path, one))
    return written


def _report(command: list[str], kind: type[Kind], *, cwd: Path, environment: dict[str, str] | None = None) -> Kind:
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    try:
        return msgspec.json.decode(done.stdout, type=kind)
    except msgspec.DecodeError:
        said = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        problem = f"{Path(command[0]).name} ended with {done.returncode} and said: {(said or ['nothing'])[-1]}"
        raise GitopsError(problem, fix="make setup") from None
