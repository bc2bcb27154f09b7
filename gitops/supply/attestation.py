"""Whether GitHub's attestation store proves where an image was built; gh does the cryptography.

docs.github.com/actions/how-tos/secure-your-work/use-artifact-attestations
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from gitops.environments import Environment, GitHub
from gitops.errors import GitopsError
from gitops.images.registry import Repository
from gitops.rollout.verify.failures import Failure

# The reusable workflow whose build job attests. Its path is in the certificate, which nobody else can get.
SIGNER = ".github/workflows/ship.yml"
_TIMEOUT_SECONDS = 120


def required(repository: Repository, environment: Environment, commit: str, digest: str) -> list[Failure]:
    """A failure where the environment requires proof of where an image was built, and there is none.

    Asks nothing where it does not require it. Raises ClientError as botocore
    does when the role may not read the image's manifest.
    """
    if "provenance" not in environment.requires:
        return []
    try:
        why = problem(repository.manifest(digest), environment.github, commit)
    except GitopsError as error:
        why = error.problem
    if not why:
        return []
    return [
        Failure(
            f"it is not proven that {SIGNER} built {digest[:19]}… from {commit[:12]}: {why}",
            "ship the commit with the service workflow; docs/supply-chain.md",
        )
    ]


def problem(manifest: bytes, github: GitHub, commit: str) -> str:
    """Why it is not proven that ship.yml built this image from this commit on GitHub; empty when it is.

    ``manifest`` is the image's manifest: the sha256 of the file that gh is given
    is the image's digest, so gh needs no access to the registry.
    """
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
