"""gitops sbom: the software bill of materials of a commit's image."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

from gitops import aws, environments, github, registry
from gitops.arguments import service_argument
from gitops.errors import GitopsError
from gitops.images import content


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """SERVICE ENVIRONMENT [--commit REV] [--output FILE]."""
    service_argument(parser)
    parser.add_argument("environment", help="whose registry holds the image")
    parser.add_argument("--commit", default="HEAD", help="whose image (default: HEAD)")
    parser.add_argument("--output", type=Path, metavar="FILE", help="where to write it (default: standard output)")
    parser.epilog = (
        "Reads the image from the registry, layer by layer, and lists its Python and Debian packages and its "
        "interpreter as CycloneDX 1.6 JSON. The same image gives the same bytes."
    )


def run(arguments: argparse.Namespace) -> int:
    """Write the bill, and count what it lists."""
    # Imported late: the libraries take a fifth of a second, which --help need not wait for.
    from gitops.supply import attestation

    checkout, service = arguments.checkout, arguments.service
    environment = environments.load(checkout, arguments.environment)
    environment.require_service(service)
    commit = checkout.commit(arguments.commit)
    home = registry.home(checkout, environment)
    with aws.explained(home):
        repository = registry.repository(aws.session(checkout, home, "build"), home, service)
        built = repository.image(commit)
        if built is None:
            raise registry.unbuilt(repository, environment, service, commit)
        image = repository.protocol.image(built.digest)
        listed = content.read(repository.protocol, image)
    if not listed.packages:
        raise GitopsError(
            f"no package was found in {built.digest[:19]}…", fix="look into the image: an empty bill is none"
        )
    text = attestation.bill(built, image, listed)
    if arguments.output is None:
        print(text, end="")
        return 0
    arguments.output.write_text(text, encoding="utf-8")
    counted = Counter(package.kind for package in listed.packages)
    told = ", ".join(f"{number} {kind}" for kind, number in sorted(counted.items()))
    print(f"{arguments.output}: the packages of {built.digest[:19]}…: {told}")
    github.summary(f"Bill of materials of `{built.digest}`: {told}.")
    return 0
