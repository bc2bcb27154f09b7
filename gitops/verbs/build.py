"""gitops build: the image of a commit, built and pushed once."""

from __future__ import annotations

import argparse
import os

from gitops import aws, environments, github, registry
from gitops.arguments import wait_argument
from gitops.clock import Clock
from gitops.images import build, content
from gitops.oci import Reference
from gitops.registry import Repository

BUILDER = "FAIRWEATHER_BUILDER"
SHOWN_FILES = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """SERVICE ENVIRONMENT [--commit REV] [--builder NAME] [--wait SECONDS]."""
    parser.add_argument("service", help="a folder of services/")
    parser.add_argument("environment", help="whose registry it is for: several environments may share one")
    parser.add_argument("--commit", default="HEAD", help="the commit to build (default: HEAD)")
    parser.add_argument(
        "--builder",
        choices=build.BUILDERS,
        help=f"docker builds the Dockerfile, pack makes a one-layer image without an engine "
        f"(default: {BUILDER}, else the first of the environment's builders that works here)",
    )
    wait_argument(parser, "an image repository that the commit's templates have and AWS does not yet")
    parser.epilog = (
        "Sets the outputs image, repository (without the tag) and digest. The image is built from the commit alone, "
        "never from the work tree. "
        f"{build.BASE_IMAGE} replaces the Dockerfile's base image, {build.BUILD_NETWORK} sets the "
        "build's network."
    )


def run(arguments: argparse.Namespace) -> int:
    """Build and push unless the registry has the commit's image already."""
    checkout, service = arguments.checkout, arguments.service
    environment = environments.load(checkout, arguments.environment)
    environment.require_service(service)
    commit = checkout.commit(arguments.commit)
    if commit == checkout.commit("HEAD"):
        warn_of_changes(checkout.dirty())
    home = registry.home(checkout, environment)
    with aws.explained(home):
        session = aws.session(checkout, home, "build")
        repository = build.awaited(
            lambda: registry.find(session, home, service),
            lambda: build.is_expected(checkout, commit, home, service),
            home,
            service,
            arguments.wait,
            Clock(),
        )
        image = repository.image(commit)
        if image is not None:
            print(f"{service} {commit[:12]} is in the registry already: {image.digest}")
        else:
            wanted = arguments.builder or os.environ.get(BUILDER, "")
            builder = build.choose(wanted, environment.builders, build.engine_answers)
            print(f"building {service} {commit[:12]} with {builder}", flush=True)
            image = build.build(checkout, repository, service, commit, builder)
            print(f"pushed {image}")
        tell(repository, service, image)
    github.output("image", str(image))
    github.output("repository", image.uri)
    github.output("digest", image.digest)
    return 0


def tell(repository: Repository, service: str, reference: Reference) -> None:
    """Print the size and layers of an image in the registry, and write them into the job's summary."""
    image = repository.protocol.image(reference.digest)
    print(content.text(image))
    github.summary(content.markdown(service, reference, image))


def warn_of_changes(files: list[str]) -> None:
    """Say that HEAD is what ships when the work tree holds changes that do not."""
    if not files:
        return
    names = ", ".join(files[:SHOWN_FILES]) + (", …" if len(files) > SHOWN_FILES else "")
    count = "1 changed file" if len(files) == 1 else f"{len(files)} changed files"
    message = f"HEAD is shipped, not your {count}: {names}"
    print(f"warning: {message}", flush=True)
    github.annotation("warning", "uncommitted changes", message)
