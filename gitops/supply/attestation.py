"""What proves where an image was built, and what it is made of.

GitHub's attestation store is asked, and gh does the cryptography
(docs.github.com/actions/how-tos/secure-your-work/use-artifact-attestations). The bill of materials is CycloneDX
(ECMA-424): the same image gives the same bytes.
"""

from __future__ import annotations

import subprocess
import tempfile
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import LicenseExpression
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.utils import canonicalize_name

from gitops.environments import Environment, GitHub
from gitops.images.content import Contents, Package
from gitops.oci import Image, Reference
from gitops.registry import Repository

# The reusable workflow whose build job attests. Its path is in the certificate, which nobody else can get.
SIGNER = ".github/workflows/ship.yml"
_TIMEOUT_SECONDS = 120


def required(repository: Repository, environment: Environment, commit: str, digest: str) -> str:
    """Why it is not proven that ship.yml built an image from a commit on GitHub; empty when it is.

    Asks nothing in an environment that does not require it. Raises GitopsError when the registry does not give the
    image's manifest.
    """
    if "provenance" not in environment.requires:
        return ""
    why = problem(repository.protocol.manifest(digest), environment.github, commit)
    return f"it is not proven that {SIGNER} built {digest[:19]}… from {commit[:12]}: {why}" if why else ""


def problem(manifest: bytes, github: GitHub, commit: str) -> str:
    """The same for an image's manifest: its sha256 is the image's digest, so gh needs no access to the registry."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "manifest.json"
        file.write_bytes(manifest)
        try:
            done = subprocess.run(
                command(file, github, commit),
                capture_output=True,
                text=True,
                check=False,
                stdin=subprocess.DEVNULL,
                timeout=_TIMEOUT_SECONDS,
            )
        except FileNotFoundError:
            return "gh, which verifies attestations, is not on PATH"
        except subprocess.TimeoutExpired:
            return f"gh did not end within {_TIMEOUT_SECONDS} s"
    if done.returncode == 0:
        return ""
    lines = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
    return f"gh says: {lines[-1]}" if lines else f"gh ended with {done.returncode}"


def command(file: Path, github: GitHub, commit: str) -> list[str]:
    """gh's words: built by that workflow, of that commit on that branch, on GitHub's own machines."""
    repository = f"{github.owner}/{github.repository}"
    return [
        *("gh", "attestation", "verify", str(file)),
        *("--repo", repository),
        *("--signer-workflow", f"{repository}/{SIGNER}"),
        *("--source-digest", commit),
        *("--source-ref", f"refs/heads/{github.branch}"),
        "--deny-self-hosted-runners",
    ]


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
    components = [_component(package, contents) for package in contents.packages]
    bom = Bom(serial_number=uuid.uuid5(uuid.NAMESPACE_URL, f"{reference.uri}@{digest}"), components=components)
    bom.metadata.timestamp = _created(image.config)
    bom.metadata.component = subject
    # Who needs whom is not known from what installers leave: all of it is simply in the image.
    bom.register_dependency(subject, components)
    return JsonV1Dot6(bom).output_as_string(indent=2) + "\n"


def _component(package: Package, contents: Contents) -> Component:
    purl = _purl(package, contents)
    return Component(
        type=ComponentType.APPLICATION if package.kind == "interpreter" else ComponentType.LIBRARY,
        name=package.name,
        version=package.version,
        purl=purl,
        bom_ref=purl.to_string(),
        licenses=[LicenseExpression(package.licence)] if package.licence else [],
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
    created = datetime.fromisoformat(config.get("created") or "1970-01-01T00:00:00Z")
    return created.replace(microsecond=0, tzinfo=UTC)
