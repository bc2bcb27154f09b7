"""gitops scan: known vulnerabilities in what a service is made of."""

from __future__ import annotations

import argparse
import datetime
import sys
from pathlib import Path

from gitops import actions, aws, environments, git, services
from gitops.environments import Environment
from gitops.errors import GitopsError
from gitops.images import registry
from gitops.supply import allowance, findings, image_scan, outcome, report, requirements
from gitops.supply.findings import Judged


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """[SERVICE] [--image ENVIRONMENT] [--commit REV] [--timeout SECONDS]."""
    parser.add_argument("service", nargs="?", help="a folder of services/ (default: all of them)")
    parser.add_argument(
        "--image",
        metavar="ENVIRONMENT",
        help="look at the commit's image instead: what the scanner of this environment's registry found in it",
    )
    parser.add_argument("--commit", default="HEAD", help="with --image: whose image (default: HEAD)")
    parser.add_argument(
        "--timeout", type=float, default=300.0, metavar="SECONDS", help="with --image: how long to wait (default: 300)"
    )
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = (
        "Without --image it asks the advisory database for each locked requirement of the work tree:\n"
        f"{requirements.OSV}, or what {requirements.OSV_VARIABLE} names.\n\n"
        "services/SERVICE/vulnerabilities.yaml holds the threshold and the waivers (docs/supply-chain.md).\n\n"
        "exit codes:\n"
        f"  {outcome.NONE_FOUND:>2}  none known, or each waived or below the threshold\n"
        f"  {outcome.FOUND:>2}  at least one that is neither\n"
        f"  {outcome.UNPROVEN:>2}  could not ask, or not for everything: this is not the same as none\n"
        "   1  an error"
    )


def run(arguments: argparse.Namespace) -> int:
    """Scan, and report every finding."""
    if arguments.image is None:
        return _requirements(arguments.root, arguments.service)
    if arguments.service is None:
        raise GitopsError("--image needs a service", fix=f"gitops scan SERVICE --image {arguments.image}")
    environment = environments.load(arguments.root, arguments.image)
    environment.require_service(arguments.service)
    commit = git.commit(arguments.root, arguments.commit)
    try:
        return _image(arguments.root, environment, arguments.service, commit, arguments.timeout)
    except GitopsError as error:
        if error.exit_code != outcome.UNPROVEN or "image-scan" in environment.requires:
            raise
        print(f"{error.problem}; {environment.environment} does not require a scan of its images")
        actions.annotation("warning", f"{arguments.service}: image not scanned", error.problem)
        return outcome.NONE_FOUND


def _requirements(root: Path, service: str | None) -> int:
    known = services.names(root)
    if service is not None and service not in known:
        raise GitopsError(
            f"no service named {service} (there are: {', '.join(known) or 'none'})", fix="check the spelling"
        )
    codes = set()
    for name in [service] if service else known:
        allowed = allowance.load(root, name)
        try:
            found = requirements.audit(root, name)
        except GitopsError as error:
            # The other services are asked for all the same.
            print(f"error: {name}: {error}", file=sys.stderr)
            actions.annotation("error", f"{name}: not scanned", error.problem)
            codes.add(error.exit_code)
            continue
        subject = f"{name}: {len(requirements.locked(root, name))} locked requirements"
        judged = findings.judge(found, allowed, _today())
        codes.add(_tell(name, report.headline(subject, requirements.database(), judged), judged))
    # What is known to be wrong says more than what could not be asked.
    return next((code for code in (outcome.FOUND, 1, outcome.UNPROVEN) if code in codes), outcome.NONE_FOUND)


def _image(root: Path, environment: Environment, service: str, commit: str, timeout: float) -> int:
    home = registry.home(root, environment)
    allowed = allowance.load(root, service)
    with aws.explained(home):
        repository = registry.repository(aws.session(root, home, "build"), home, service)
        digest = repository.digest(commit)
        if digest is None:
            raise GitopsError(
                f"{repository.name} has no image of commit {commit[:12]}",
                fix=f"gitops build {service} {environment.environment} --commit {commit}",
            )
        found = image_scan.findings(repository, digest, timeout, image_scan.Clock())
    judged = findings.judge(found, allowed, _today())
    subject = f"{service}: image {digest[:19]}…, from {allowed.image} on"
    return _tell(service, report.headline(subject, "the registry's scan", judged), judged)


def _tell(service: str, headline: str, judged: list[Judged]) -> int:
    print("\n".join(filter(None, [headline, report.text(judged)])), flush=True)
    actions.summary(report.markdown(headline, judged))
    failing = findings.failing(judged)
    if not failing:
        return outcome.NONE_FOUND
    step = report.next_step(service, judged)
    print(f"error: {len(failing)} in {service} → {step}", file=sys.stderr)
    actions.annotation("error", f"{service}: known vulnerabilities", f"{headline}\nnext: {step}")
    return outcome.FOUND


def _today() -> datetime.date:
    return datetime.datetime.now(datetime.UTC).date()
