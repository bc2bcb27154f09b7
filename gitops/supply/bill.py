"""An image's software bill of materials, in CycloneDX (ECMA-424): the same image gives the same bytes."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import LicenseExpression
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.utils import canonicalize_name

from gitops.images.content import Image
from gitops.images.reference import Reference
from gitops.supply.packages import Contents, Package


def bill(reference: Reference, image: Image, contents: Contents) -> str:
    """The bill of one image as JSON.

    Its serial number comes from the image's digest and its time from the
    image's own configuration, so nothing in it depends on when it was written.
    """
    digest = reference.digest
    subject = Component(
        type=ComponentType.CONTAINER,
        name=reference.uri,
        version=reference.tag,
        bom_ref=digest,
        purl=PackageURL("oci", name=reference.uri.rpartition("/")[2], version=digest),
    )
    components = list(_components(contents))
    bom = Bom(serial_number=uuid.uuid5(uuid.NAMESPACE_URL, f"{reference.uri}@{digest}"), components=components)
    bom.metadata.timestamp = _created(image.config)
    bom.metadata.component = subject
    # Who needs whom is not known from what installers leave: all of it is simply in the image.
    bom.register_dependency(subject, components)
    return JsonV1Dot6(bom).output_as_string(indent=2) + "\n"


def _components(contents: Contents) -> Iterable[Component]:
    for package in contents.packages:
        purl = _purl(package, contents)
        licences = [LicenseExpression(package.licence)] if package.licence else []
        kind = ComponentType.APPLICATION if package.kind == "interpreter" else ComponentType.LIBRARY
        yield Component(
            type=kind,
            name=package.name,
            version=package.version,
            purl=purl,
            bom_ref=purl.to_string(),
            licenses=licences,
        )


def _purl(package: Package, contents: Contents) -> PackageURL:
    """As github.com/package-url/purl-spec defines the types."""
    match package.kind:
        case "python":
            return PackageURL("pypi", name=str(canonicalize_name(package.name)), version=package.version)
        case "debian":
            distribution = contents.distribution or "debian"
            qualifiers = {"arch": package.architecture, "distro": f"{distribution}-{contents.release}".strip("-")}
            return PackageURL("deb", distribution, package.name, package.version, qualifiers)
        case "interpreter":
            return PackageURL("generic", name=package.name, version=package.version)


def _created(config: dict[str, Any]) -> datetime:
    """The configuration's time; 1970 where it has none, for any other would differ from run to run."""
    text = str(config.get("created") or "1970-01-01T00:00:00Z")
    # Docker writes nanoseconds, of which Python takes six digits.
    seconds = text.partition(".")[0].removesuffix("Z")
    return datetime.fromisoformat(seconds).replace(tzinfo=UTC)
