"""Verifies a release before anything is registered: its images and all that its task definition refers to.

All look-ups side by side, and every failure together. Read-only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from typing import Any

import boto3
from botocore.exceptions import ClientError

from gitops.contract import agree
from gitops.deploy import container_images, references, revisions, values
from gitops.deploy import release as releases
from gitops.deploy.references import Failure, Finding, Unverified
from gitops.deploy.release import Release, Run
from gitops.registry import Repository
from gitops.repository import Commit
from gitops.taskdefs import validate

# No wait cures what is wrong in the commit itself.
_CORRECT = "correct that, and ship the commit that does"


@dataclass(frozen=True)
class Verified:
    """The image's digest ("" when there is none), everything that is wrong, and what nobody could look up.

    ``serving`` is the revision that the ECS service means; "" when there is no service.
    """

    digest: str
    failures: tuple[Failure, ...]
    unverified: tuple[Unverified, ...] = ()
    serving: str = ""


@dataclass(frozen=True)
class Subject:
    """What is verified: a release's task definition, and the commit's files beside it."""

    release: Release
    document: dict[str, Any]
    files: Commit

    @cached_property
    def routes(self) -> set[str]:
        """The paths that the commit answers, none when that is not known."""
        return agree.answered(self.files, self.release.to.service)

    def invalid(self) -> list[Failure]:
        """What ECS would not take; of what has served here before, nothing."""
        to = self.release.to
        found = [] if self.release.rolled_back_from else validate.validate(self.document, to.family, to.service)
        return [Failure(str(problem), _CORRECT) for problem in found]

    def disagreements(self) -> list[Failure]:
        """What does not fit in the commit itself; what has served here before is taken as it is."""
        to = self.release.to
        found = [] if self.release.rolled_back_from else agree.problems(self.files, to.environment, to.service)
        return [Failure(problem, _CORRECT) for problem in found]


class Clients:
    """A session's clients, each made once: a session is not to be used by several threads at a time.

    boto3.amazonaws.com/v1/documentation/api/latest/guide/session.html says so, and that clients may be.
    """

    def __init__(self, session: boto3.Session) -> None:
        self._session, self._lock = session, Lock()
        self._made: dict[tuple[str, str | None], Any] = {}

    def of(self, name: str, region: str | None = None) -> Any:  # noqa: ANN401 (of any service)
        """The client of a service, in a region or the session's own."""
        with self._lock:
            if (name, region) not in self._made:
                # Their stubs name each service apart.
                made: Any = self._session.client
                self._made[name, region] = made(name, region_name=region)
            return self._made[name, region]


def waited(look: Callable[[], Verified], stack: str, run: Run) -> Verified:
    """What ``look`` finds once more than ``stack`` (in words) is missing, or nothing; the last after its patience.

    A service's first commit: its deploy and the apply that makes its stack start from the same push. With a patience
    of 0 the run looks once.
    """
    last = look()
    if not run.patience or not wait_helps(last.failures):
        return last

    def settled() -> Verified | None:
        nonlocal last
        last = look()
        return None if wait_helps(last.failures) else last

    run.clock.until(settled, stack, run.patience, run.say)
    return last


def wait_helps(failures: Sequence[Failure]) -> bool:
    """Whether there are failures, and all of them may go away by themselves."""
    return bool(failures) and all(failure.coming for failure in failures)


def verify(images: Repository, subject: Subject, run: Run) -> Verified:
    """Everything that can be said of a release before it is registered.

    A look-up that the deploy role is there to make and may not is a failure too,
    so that it hides no other. Raises GitopsError when a newer commit serves, and
    ClientError as botocore does for anything but a refusal.
    """
    release, document, clients = subject.release, subject.document, Clients(run.session)
    environment, service = release.to.environment, release.to.service
    if invalid := subject.invalid():
        # What such a document refers to cannot be told.
        return Verified("", (*invalid, *subject.disagreements()))
    wanted, serving = values.secrets(document), ""

    def ecs() -> list[Finding]:
        nonlocal serving
        # One after the other: what the service says decides what is asked next.
        seen = run.service.look()
        if seen is not None and not release.allow_older and (serves := releases.serving(seen)):
            release.refuse_older(revisions.revision(run.service.ecs, serves, service).provenance.commit)
        serving = seen.revision if seen is not None else ""
        apply = f"gitops apply {environment.environment} --stack service-{service}"
        return [
            *references.cluster(run.service.ecs, environment),
            *references.rolled(seen, service, environment.environment),
            *references.target_groups(seen, lambda: clients.of("elbv2"), document, apply, lambda: subject.routes),
        ]

    def has(key: str) -> bool:
        return any(one.get(key) for one in document.get("containerDefinitions") or [])

    looks: list[Callable[[], list[Finding]]] = [
        lambda: references.roles(clients.of("iam"), document, service, environment),
        lambda: values.parameters(lambda region: clients.of("ssm", region), wanted, service, environment),
        lambda: values.stored_secrets(lambda region: clients.of("secretsmanager", region), wanted, environment),
        lambda: values.environment_files(clients.of("s3"), document) if has("environmentFiles") else [],
        lambda: references.log_groups(lambda region: clients.of("logs", region), document, service, environment),
        lambda: references.file_systems(clients.of("efs"), document) if document.get("volumes") else [],
        ecs,
        lambda: [*subject.disagreements()],
    ]
    with ThreadPoolExecutor(len(looks) + 1) as pool:
        image = pool.submit(container_images.look, images, lambda region: clients.of("ecr", region), release, document)
        others = [pool.submit(_allowed, look) for look in looks]
        digest, found = image.result()
        found += [finding for other in others for finding in other.result()]
    return Verified(
        digest,
        tuple(one for one in dict.fromkeys(found) if isinstance(one, Failure)),
        tuple(one for one in dict.fromkeys(found) if isinstance(one, Unverified)),
        serving,
    )


def _allowed(look: Callable[[], list[Finding]]) -> list[Finding]:
    try:
        return look()
    except ClientError as error:
        return [references.refused(error)]
