"""gitops build: the image of a commit, built and pushed once."""

from __future__ import annotations

import argparse
import os

from gitops import actions, aws, environments, git
from gitops.images import builders, docker_build, expected, registry
from gitops.images.reference import Reference
from gitops.images.registry import Repository
from gitops.stacks.waiting import Clock
from gitops.verbs import register

BUILDER = "FAIRWEATHER_BUILDER"
SHOWN_FILES = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """SERVICE ENVIRONMENT [--commit REV] [--builder NAME] [--wait SECONDS]."""
    parser.add_argument("service", help="a folder of services/")
    parser.add_argument("environment", help="whose registry it is for: several environments may share one")
    parser.add_argument("--commit", default="HEAD", help="the commit to build (default: HEAD)")
    parser.add_argument(
        "--builder",
        choices=builders.BUILDERS,
        help=f"docker builds the Dockerfile, pack makes a one-layer image without an engine "
        f"(default: {BUILDER}, else the first of the environment's builders that works here)",
    )
    register.wait_argument(parser, "an image repository that the commit's templates have and AWS does not yet")
    parser.epilog = (
        "Sets the outputs image, repository (without the tag) and digest. The image is built from the commit alone, "
        "never from the work tree. "
        f"{docker_build.BASE_IMAGE} replaces the Dockerfile's base image, {docker_build.BUILD_NETWORK} sets the "
        "build's network."
    )


def run(arguments: argparse.Namespace) -> int:
    """Build and push unless the registry has the commit's image already."""
    root, service = arguments.root, arguments.service
    environment = environments.load(root, arguments.environment)
    environment.require_service(service)
    commit = git.commit(root, arguments.commit)
    if commit == git.commit(root, "HEAD"):
        warn_of_changes(git.dirty(root))
    home = registry.home(root, environment)
    with aws.explained(home):
        session = aws.session(root, home, "build")
        repository = expected.repository(
            lambda: registry.find(session, home, service),
            lambda: expected.is_expected(root, commit, home, service),
            home,
            service,
            arguments.wait,
            Clock(),
        )
        digest = repository.digest(commit)
        if digest is not None:
            image = Reference(repository.uri, commit, digest)
            print(f"{service} {commit[:12]} is in the registry already: {digest}")
        else:
            wanted = arguments.builder or os.environ.get(BUILDER, "")
            builder = builders.choose(wanted, environment.builders, docker_build.engine_answers)
            print(f"building {service} {commit[:12]} with {builder}", flush=True)
            image = builders.build(root, repository, service, commit, builder)
            print(f"pushed {image}")
        tell(repository, service, image)
    actions.output("image", str(image))
    actions.output("repository", image.uri)
    actions.output("digest", image.digest)
    return 0


def tell(repository: Repository, service: str, reference: Reference) -> None:
    """Print the size and layers of an image in the registry, and write them into the job's summary."""
    # Imported late: --help need not wait for a registry's client.
    from gitops.images import content, summary

    image = content.reader(repository).image(reference.digest)
    print(summary.text(image))
    actions.summary(summary.markdown(service, reference, image))


def warn_of_changes(files: list[str]) -> None:
    """Say that HEAD is what ships when the work tree holds changes that do not."""
    if not files:
        return
    names = ", ".join(files[:SHOWN_FILES]) + (", …" if len(files) > SHOWN_FILES else "")
    count = "1 changed file" if len(files) == 1 else f"{len(files)} changed files"
    message = f"HEAD is shipped, not your {count}: {names}"
    print(f"warning: {message}", flush=True)
    actions.annotation("warning", "uncommitted changes", message)
