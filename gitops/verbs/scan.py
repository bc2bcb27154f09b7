"""gitops scan: known vulnerabilities in what a service is made of."""

from __future__ import annotations

import argparse
import datetime
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from gitops import actions, aws, environments, git, services
from gitops.environments import Environment
from gitops.errors import GitopsError
from gitops.images import reference, registry
from gitops.rollout import age, live
from gitops.supply import allowance, findings, image_scan, outcome, report, requirements
from gitops.supply.findings import Judged

if TYPE_CHECKING:
    import boto3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """[SERVICE] [--image ENVIRONMENT | --live ENVIRONMENT] [--commit REV] [--timeout SECONDS]."""
    parser.add_argument("service", nargs="?", help="a folder of services/ (default: all of them)")
    of_image = parser.add_mutually_exclusive_group()
    of_image.add_argument(
        "--image",
        metavar="ENVIRONMENT",
        help="look at the commit's image instead: what the scanner of this environment's registry found in it",
    )
    of_image.add_argument(
        "--live", metavar="ENVIRONMENT", help="look at the images that serve there instead, whatever their commit"
    )
    parser.add_argument("--commit", default="HEAD", help="with --image: whose image (default: HEAD)")
    parser.add_argument(
        "--timeout",
        type=float,
        default=300.0,
        metavar="SECONDS",
        help="how long to wait for an image's scan (default: 300)",
    )
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = (
        "Without --image or --live it asks the advisory database for each locked requirement of the work tree:\n"
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
    if arguments.live is not None:
        environment = environments.load(arguments.root, arguments.live)
        return _live(arguments.root, environment, arguments.service, arguments.timeout)
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
        if not _may_go_on(environment, arguments.service, error):
            raise
        return outcome.NONE_FOUND


def _may_go_on(environment: Environment, service: str, error: GitopsError) -> bool:
    """Whether an error means no more than that a scan is missing where none is required, which is then said."""
    if error.exit_code != outcome.UNPROVEN or "image-scan" in environment.requires:
        return False
    print(f"{service}: {error.problem}; {environment.environment} does not require a scan of its images", flush=True)
    actions.annotation("warning", f"{service}: image not scanned", error.problem)
    return True


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
            codes.add(_failed(name, error))
            continue
        subject = f"{name}: {len(requirements.locked(root, name))} locked requirements"
        judged = findings.judge(found, allowed, _today())
        codes.add(_tell(name, report.headline(subject, requirements.database(), judged), judged))
    return _worst(codes)


def _failed(service: str, error: GitopsError) -> int:
    """Say that one service could not be scanned; the others are all the same."""
    print(f"error: {service}: {error}", file=sys.stderr)
    actions.annotation("error", f"{service}: not scanned", error.problem)
    return error.exit_code


def _worst(codes: set[int]) -> int:
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


def _live(root: Path, environment: Environment, service: str | None, timeout: float) -> int:
    if service is not None:
        environment.require_service(service)
    session = aws.session(root, environment, "drift")
    codes = set()
    for name in [service] if service else sorted(environment.services):
        try:
            with aws.explained(environment):
                codes.add(_serving(root, environment, session, name, timeout))
        except GitopsError as error:
            codes.add(outcome.NONE_FOUND if _may_go_on(environment, name, error) else _failed(name, error))
    return _worst(codes)


def _serving(root: Path, environment: Environment, session: boto3.Session, service: str, timeout: float) -> int:
    ecs = session.client("ecs")
    seen = live.service(ecs, environment.cluster, service)
    if seen is None:
        print(f"{service}: is not there in {environment.environment}, so no image of it serves", flush=True)
        return outcome.NONE_FOUND
    revision = live.revision(ecs, age.serving(seen), service)
    digest = reference.parse(revision.image).digest if revision.image else ""
    if not digest:
        raise outcome.unproven(f"{revision.name} names its image by no digest: {revision.image or 'none'}")
    repository = registry.repository(session, registry.home(root, environment), service)
    found = image_scan.findings(repository, digest, timeout, image_scan.Clock())
    day = image_scan.as_of(repository, digest)
    asked = f"the registry's scan of {day}" if day else "the registry's scan"
    allowed = allowance.load(root, service)
    judged = findings.judge(found, allowed, _today())
    subject = f"{service}: image {digest[:19]}… of {revision.name}, from {allowed.image} on"
    return _tell(service, report.headline(subject, asked, judged), judged)


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
