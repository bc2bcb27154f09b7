"""gitops scan: known vulnerabilities in what a service is made of."""

from __future__ import annotations

import argparse
import datetime
import sys
from typing import TYPE_CHECKING

from gitops import aws, environments, github, registry
from gitops.clock import Clock
from gitops.deploy import revisions
from gitops.deploy.release import Destination, serving
from gitops.environments import Environment
from gitops.errors import GitopsError
from gitops.registry import Finding, Reference, Repository
from gitops.repository import Checkout
from gitops.supply import findings, scanners
from gitops.supply.findings import Allowance
from gitops.text import hide

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
        f"{scanners.OSV}, or what {scanners.OSV_VARIABLE} names.\n\n"
        "services/SERVICE/vulnerabilities.yaml holds the threshold and the waivers (docs/supply-chain.md).\n\n"
        "exit codes:\n"
        f"  {findings.NONE_FOUND:>2}  none known, or each waived or below the threshold\n"
        f"  {findings.FOUND:>2}  at least one that is neither\n"
        f"  {findings.UNPROVEN:>2}  could not ask, or not for everything: this is not the same as none\n"
        "   1  an error"
    )


def run(arguments: argparse.Namespace) -> int:
    """Scan, and report every finding."""
    if arguments.live is not None:
        environment = environments.load(arguments.checkout, arguments.live)
        return _live(arguments.checkout, environment, arguments.service, arguments.timeout)
    if arguments.image is None:
        return _requirements(arguments.checkout, arguments.service)
    if arguments.service is None:
        raise GitopsError("--image needs a service", fix=f"gitops scan SERVICE --image {arguments.image}")
    environment = environments.load(arguments.checkout, arguments.image)
    environment.require_service(arguments.service)
    commit = arguments.checkout.commit(arguments.commit)
    try:
        return _image(arguments.checkout, environment, arguments.service, commit, arguments.timeout)
    except GitopsError as error:
        if not _may_go_on(environment, arguments.service, error):
            raise
        return findings.NONE_FOUND


def _may_go_on(environment: Environment, service: str, error: GitopsError) -> bool:
    """Whether an error means no more than that a scan is missing where none is required, which is then said."""
    if error.exit_code != findings.UNPROVEN or "image-scan" in environment.requires:
        return False
    print(f"{service}: {error.problem}; {environment.environment} does not require a scan of its images", flush=True)
    github.annotation("warning", f"{service}: image not scanned", error.problem)
    return True


def _requirements(checkout: Checkout, service: str | None) -> int:
    if service is not None:
        checkout.require_service(service)
    codes = set()
    for name in [service] if service else checkout.services():
        allowed = findings.load(checkout, name)
        try:
            found = scanners.audit(checkout, name)
        except GitopsError as error:
            codes.add(_failed(name, error))
            continue
        subject = f"{name}: {len(scanners.locked(checkout, name))} locked requirements"
        codes.add(_tell(name, subject, scanners.database(), found, allowed))
    return _worst(codes)


def _failed(service: str, error: GitopsError) -> int:
    """Say that one service could not be scanned; the others are all the same."""
    print(hide(f"error: {service}: {error}"), file=sys.stderr)
    github.annotation("error", f"{service}: not scanned", error.problem)
    return error.exit_code


def _worst(codes: set[int]) -> int:
    # What is known to be wrong says more than what could not be asked.
    return next((code for code in (findings.FOUND, 1, findings.UNPROVEN) if code in codes), findings.NONE_FOUND)


def _image(checkout: Checkout, environment: Environment, service: str, commit: str, timeout: float) -> int:
    home = registry.home(checkout, environment)
    with aws.explained(home):
        repository = registry.repository(aws.session(checkout, home, "build"), home, service)
        built = repository.image(commit)
        if built is None:
            raise registry.unbuilt(repository, environment, service, commit)
        return _scanned(checkout, repository, service, built.digest, "", timeout)


def _live(checkout: Checkout, environment: Environment, service: str | None, timeout: float) -> int:
    if service is not None:
        environment.require_service(service)
    session = aws.session(checkout, environment, "drift")
    codes = set()
    for name in [service] if service else sorted(environment.services):
        try:
            with aws.explained(environment):
                codes.add(_serving(checkout, environment, session, name, timeout))
        except GitopsError as error:
            codes.add(findings.NONE_FOUND if _may_go_on(environment, name, error) else _failed(name, error))
    return _worst(codes)


def _serving(checkout: Checkout, environment: Environment, session: boto3.Session, service: str, timeout: float) -> int:
    there = Destination(checkout, environment, service).on_ecs(session)
    seen = there.look()
    if seen is None:
        print(f"{service}: is not there in {environment.environment}, so no image of it serves", flush=True)
        return findings.NONE_FOUND
    revision = revisions.revision(there.ecs, serving(seen), service)
    digest = Reference.parse(revision.image).digest if revision.image else ""
    if not digest:
        raise findings.unproven(f"{revision.name} names its image by no digest: {revision.image or 'none'}")
    repository = registry.repository(session, registry.home(checkout, environment), service)
    return _scanned(checkout, repository, service, digest, f" of {revision.name}", timeout)


def _scanned(
    checkout: Checkout, repository: Repository, service: str, digest: str, revision: str, timeout: float
) -> int:
    allowed = findings.load(checkout, service)
    found, day = scanners.image_scan(repository, digest, timeout, Clock())
    asked = f"the registry's scan of {day}" if day else "the registry's scan"
    subject = f"{service}: image {digest[:19]}…{revision}, from {allowed.image} on"
    return _tell(service, subject, asked, found, allowed)


def _tell(service: str, subject: str, asked: str, found: list[Finding], allowed: Allowance) -> int:
    judged = findings.judge(found, allowed, datetime.datetime.now(datetime.UTC).date())
    headline = findings.headline(subject, asked, judged)
    print("\n".join(filter(None, [headline, findings.text(judged)])), flush=True)
    github.summary(findings.markdown(headline, judged))
    failing = findings.failing(judged)
    if not failing:
        return findings.NONE_FOUND
    step = findings.next_step(service, judged)
    print(hide(f"error: {len(failing)} in {service} → {step}"), file=sys.stderr)
    github.annotation("error", f"{service}: known vulnerabilities", f"{headline}\nnext: {step}")
    return findings.FOUND
