"""gitops sbom: the software bill of materials of a commit's image."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

from gitops import actions, aws, environments, git
from gitops.errors import GitopsError
from gitops.images import registry
from gitops.images.reference import Reference


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """SERVICE ENVIRONMENT [--commit REV] [--output FILE]."""
    parser.add_argument("service", help="a service of the environment")
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
    from gitops.images import content
    from gitops.supply import bill, packages

    root, service = arguments.root, arguments.service
    environment = environments.load(root, arguments.environment)
    environment.require_service(service)
    commit = git.commit(root, arguments.commit)
    home = registry.home(root, environment)
    with aws.explained(home):
        repository = registry.repository(aws.session(root, home, "build"), home, service)
        digest = repository.digest(commit)
        if digest is None:
            raise GitopsError(
                f"{repository.name} has no image of commit {commit[:12]}",
                fix=f"gitops build {service} {environment.environment} --commit {commit}",
            )
        reader = content.reader(repository)
        image = reader.image(digest)
        listed = packages.read(reader, image)
    if not listed.packages:
        raise GitopsError(f"no package was found in {digest[:19]}…", fix="look into the image: an empty bill is none")
    text = bill.bill(Reference(repository.uri, commit, digest), image, listed)
    if arguments.output is None:
        print(text, end="")
        return 0
    arguments.output.write_text(text, encoding="utf-8")
    counted = Counter(package.kind for package in listed.packages)
    told = ", ".join(f"{number} {kind}" for kind, number in sorted(counted.items()))
    print(f"{arguments.output}: the packages of {digest[:19]}…: {told}")
    actions.summary(f"Bill of materials of `{digest}`: {told}.")
    return 0
