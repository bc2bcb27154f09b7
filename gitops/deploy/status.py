"""What runs in an environment, as plain data that a person and a program can read."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

import boto3
import msgspec

from gitops import oci, registry
from gitops.cloudformation import CloudFormation
from gitops.deploy import revisions
from gitops.deploy.decision import read
from gitops.deploy.release import Destination
from gitops.deploy.revisions import Revision
from gitops.ecs_answers import Observation
from gitops.environments import Environment
from gitops.oci import Reference
from gitops.repository import Checkout
from gitops.text import hide


class DeploymentStatus(msgspec.Struct, frozen=True):
    """The deployment that ECS works towards, how far it is, and in words what ECS is doing."""

    id: str
    state: str
    doing: str = ""


class ImageStatus(msgspec.Struct, frozen=True):
    """An image in the registry."""

    tag: str
    digest: str


class ServiceStatus(msgspec.Struct, frozen=True):
    """One service. ``missing`` when ECS has none of that name; the fields after it are empty then.

    ``newest_image`` is the image pushed last, live or not: null when there is
    none or the registry may not be read from here.
    """

    state: str
    commit: str = ""
    subject: str = ""
    digest: str = ""
    image: str = ""
    revision: str = ""
    deployment: DeploymentStatus | None = None
    running: int = 0
    desired: int = 0
    newest_image: ImageStatus | None = None


class Status(msgspec.Struct, frozen=True):
    """One environment. These names are what ``gitops status --json`` prints: only add to them."""

    environment: str
    url: str
    services: dict[str, ServiceStatus]


def status(checkout: Checkout, environment: Environment, session: boto3.Session) -> Status:
    """Look at every service of an environment; ClientError as botocore raises it."""
    platform = CloudFormation.of(session).stack(environment.stack_name("platform"))
    endpoint = session.client("elbv2").meta.endpoint_url
    return Status(
        environment=environment.environment,
        url=url(platform.outputs, endpoint),
        services={
            name: _service(Destination(checkout, environment, name), session) for name in sorted(environment.services)
        },
    )


def url(outputs: Mapping[str, str], endpoint: str) -> str:
    """Where the load balancer answers, from the platform stack's outputs; empty before it is applied.

    An AWS that stands on this machine answers for every load balancer on its
    own port, by the name ``<load balancer>.alb.localhost``.
    """
    if "LoadBalancerDnsName" not in outputs:
        return ""
    place = urlsplit(endpoint)
    if oci.is_loopback(place.netloc):
        # app/<name>/<id>
        name = outputs["LoadBalancerFullName"].split("/")[1]
        return f"{place.scheme}://{name}.alb.localhost:{place.port}/"
    return f"{outputs.get('ListenerProtocol', 'http')}://{outputs['LoadBalancerDnsName']}/"


def described(seen: Observation, revision: Revision, subject: str) -> ServiceStatus:
    """A service from what ECS says of it and of the revision it serves with."""
    primary = seen.primary
    image = Reference.parse(revision.image) if revision.image else Reference("", "", "")
    return ServiceStatus(
        state=seen.status.lower(),
        commit=revision.provenance.commit or image.tag,
        subject=subject,
        digest=revision.provenance.digest or image.digest,
        image=revision.image,
        revision=revision.name,
        deployment=DeploymentStatus(primary.id, primary.state, str(read(seen))) if primary else None,
        running=seen.running,
        desired=seen.desired,
    )


def text(status: Status) -> str:
    """The same for a terminal."""
    lines = [f"{status.environment}  {status.url or 'no load balancer yet'}"]
    for name, service in status.services.items():
        lines.append("")
        if service.state == "missing":
            lines.append(f"{name}  is not there yet")
        else:
            deployment = service.deployment
            rows = [
                ("commit", f"{service.commit[:12]} {service.subject}".rstrip()),
                ("digest", service.digest),
                ("revision", service.revision),
                ("deployment", f"{deployment.id} {deployment.doing}" if deployment else "none"),
                ("tasks", f"{service.running} of {service.desired} running"),
            ]
            lines += [name, *(f"  {label:<12}{value}" for label, value in rows)]
        if service.newest_image is not None and service.newest_image.tag != service.commit:
            lines.append(f"  {'last image':<12}{service.newest_image.tag[:12]} is in the registry and not live")
    return hide("\n".join(lines))


def _service(at: Destination, session: boto3.Session) -> ServiceStatus:
    service, newest = at.on_ecs(session), _newest_image(at, session)
    seen = service.look()
    if seen is None:
        return ServiceStatus(state="missing", newest_image=newest)
    arn = seen.primary.revision if seen.primary else seen.revision
    revision = revisions.revision(service.ecs, arn, at.service)
    found = described(seen, revision, at.subject(revision.provenance.commit))
    return msgspec.structs.replace(found, newest_image=newest)


def _newest_image(at: Destination, session: boto3.Session) -> ImageStatus | None:
    newest = registry.newest(session, registry.home(at.checkout, at.environment), at.service)
    return ImageStatus(newest.tag, newest.digest) if newest else None
