"""gitops scan: known vulnerabilities in what a service is made of."""

from __future__ import annotations

import argparse
import datetime
import sys
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING

from gitops import aws, environments, github, registry
from gitops.clock import Clock
from gitops.deploy import release, revisions
from gitops.deploy.release import Destination
from gitops.environments import Environment
from gitops.errors import GitopsError
from gitops.oci import Reference
from gitops.registry import Finding, Repository
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
    checkout, service, timeout = arguments.checkout, arguments.service, arguments.timeout
    named = [service] if service else None
    if arguments.live is not None:
        environment = environments.load(checkout, arguments.live)
        if service is not None:
            environment.require_service(service)
        session = aws.session(checkout, environment, "drift")
        serving = partial(_serving, checkout, environment, session, timeout)
        return _each(named or sorted(environment.services), serving, environment)
    if arguments.image is None:
        if service is not None:
            checkout.require_service(service)
        return _each(named or checkout.services(), partial(_requirements, checkout))
    if service is None:
        raise GitopsError("--image needs a service", fix=f"gitops scan SERVICE --image {arguments.image}")
    environment = environments.load(checkout, arguments.image)
    environment.require_service(service)
    commit = checkout.commit(arguments.commit)
    return _each([service], partial(_image, checkout, environment, commit, timeout), environment)


def _each(services: Iterable[str], scan: Callable[[str], int], environment: Environment | None = None) -> int:
    """Scan each, all the others where one cannot be; ``environment`` says whether a scan of images is required."""
    codes = set()
    for service in services:
        try:
            codes.add(scan(service))
        except GitopsError as error:
            codes.add(_failed(service, error, environment))
    # What is known to be wrong says more than what could not be asked.
    return next((code for code in (findings.FOUND, 1, findings.UNPROVEN) if code in codes), findings.NONE_FOUND)


def _failed(service: str, error: GitopsError, environment: Environment | None) -> int:
    if environment and error.exit_code == findings.UNPROVEN and "image-scan" not in environment.requires:
        print(
            f"{service}: {error.problem}; {environment.environment} does not require a scan of its images", flush=True
        )
        github.annotation("warning", f"{service}: image not scanned", error.problem)
        return findings.NONE_FOUND
    print(hide(f"error: {service}: {error}"), file=sys.stderr)
    github.annotation("error", f"{service}: not scanned", error.problem)
    return error.exit_code


def _requirements(checkout: Checkout, service: str) -> int:
    allowed, found = findings.load(checkout, service), scanners.audit(checkout, service)
    subject = f"{service}: {len(scanners.locked(checkout, service))} locked requirements"
    return _tell(service, subject, scanners.database(), found, allowed)


def _image(checkout: Checkout, environment: Environment, commit: str, timeout: float, service: str) -> int:
    home = registry.home(checkout, environment)
    with aws.explained(home):
        repository = registry.repository(aws.session(checkout, home, "build"), home, service)
        built = repository.image(commit)
        if built is None:
            raise registry.unbuilt(repository, environment, service, commit)
        return _scanned(checkout, repository, service, built.digest, "", timeout)


def _serving(checkout: Checkout, environment: Environment, session: boto3.Session, timeout: float, service: str) -> int:
    with aws.explained(environment):
        there = Destination(checkout, environment, service).on_ecs(session)
        seen = there.look()
        if seen is None:
            print(f"{service}: is not there in {environment.environment}, so no image of it serves", flush=True)
            return findings.NONE_FOUND
        revision = revisions.revision(there.ecs, release.serving(seen), service)
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
