"""What proves where an image was built, and what it is made of."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from gitops import environments
from gitops.environments import Environment
from gitops.images.content import Contents, Package
from gitops.oci import Image, Reference
from gitops.repository import Checkout
from gitops.supply import attestation
from gitops.supply.attestation import bill
from tests.conftest import ROOT

MANIFEST = b'{"schemaVersion": 2}'
DIGEST = "sha256:" + hashlib.sha256(MANIFEST).hexdigest()
COMMIT = "c" * 40
# As much of a repository as is asked for.
HELD: Any = SimpleNamespace(protocol=SimpleNamespace(manifest={DIGEST: MANIFEST}.__getitem__))


@pytest.fixture
def demanding(repository: Path) -> Environment:
    """An environment that requires the proof."""
    staging = environments.load(Checkout(repository), "staging")
    return msgspec.structs.replace(staging, requires=["provenance"])


def test_only_an_attested_image_passes(demanding: Environment, gh: Path) -> None:
    (gh / "attested").write_text("sha256:" + "0" * 64)
    why = attestation.required(HELD, demanding, COMMIT, DIGEST)
    assert "gh says: Error: no attestations found" in why
    assert COMMIT[:12] in why
    (gh / "attested").write_text(f"{DIGEST}\n")
    assert attestation.required(HELD, demanding, COMMIT, DIGEST) == ""
    # Builder, commit, branch and machine are all asked for; the signer is the workflow that builds.
    assert "gitops build" in (ROOT / attestation.SIGNER).read_text()
    words = (gh / "words").read_text().splitlines()
    assert words[:2] == ["attestation", "verify"]
    options = dict(zip(words[3::2], words[4::2], strict=False))
    assert options == {
        "--repo": "o/r",
        "--signer-workflow": f"o/r/{attestation.SIGNER}",
        "--source-digest": COMMIT,
        "--source-ref": "refs/heads/main",
    }
    assert words[-1] == "--deny-self-hosted-runners"


def test_without_gh_nothing_is_proven(demanding: Environment, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    why = attestation.required(HELD, demanding, COMMIT, DIGEST)
    assert "gh, which verifies attestations, is not on PATH" in why


def test_nothing_is_asked_where_it_is_not_required(demanding: Environment, gh: Path) -> None:
    easy = msgspec.structs.replace(demanding, requires=["image-scan"])
    assert attestation.required(HELD, easy, COMMIT, DIGEST) == ""
    assert not (gh / "words").exists()


DIGEST_BILL = "sha256:" + "d" * 64
REFERENCE = Reference("example.org/demo/app", "c" * 40, DIGEST_BILL)
IMAGE = Image(DIGEST_BILL, {"created": "2026-03-04T05:06:07.123456789Z"}, ())
CONTENTS = Contents(
    (
        Package("debian", "libc6", "2.36-9+deb12u10", architecture="amd64"),
        Package("interpreter", "python", "3.13.9", licence="PSF-2.0"),
        Package("python", "Flask", "3.1.3", licence="BSD-3-Clause"),
        Package("python", "odd_name", "1", licence="MIT OR Apache-2.0"),
    ),
    distribution="debian",
    release="12",
)


def written(contents: Contents = CONTENTS, image: Image = IMAGE) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(bill(REFERENCE, image, contents))
    return read


def test_each_package_has_its_url() -> None:
    assert {one["name"]: one["purl"] for one in written()["components"]} == {
        "libc6": "pkg:deb/debian/libc6@2.36-9%2Bdeb12u10?arch=amd64&distro=debian-12",
        "python": "pkg:generic/python@3.13.9",
        "Flask": "pkg:pypi/flask@3.1.3",
        "odd_name": "pkg:pypi/odd-name@1",
    }


def test_a_valid_bill_says_which_image_it_is_of_and_no_time_of_today() -> None:
    document = written()
    subject = document["metadata"]["component"]
    assert (subject["bom-ref"], subject["version"]) == (DIGEST_BILL, "c" * 40)
    assert document["metadata"]["timestamp"] == "2026-03-04T05:06:07+00:00"
    assert written(image=Image(DIGEST_BILL, {}, ()))["metadata"]["timestamp"].startswith("1970")
    needed = {one["ref"]: one.get("dependsOn", []) for one in document["dependencies"]}
    assert len(needed[DIGEST_BILL]) == 4
    other = replace(REFERENCE, digest="sha256:" + "e" * 64)
    assert json.loads(bill(other, IMAGE, CONTENTS))["serialNumber"] != document["serialNumber"]
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(bill(REFERENCE, IMAGE, CONTENTS)) is None


def test_the_same_image_gives_the_same_bytes_in_any_process() -> None:
    """Hashes of strings differ from process to process, so an order taken from a set would show."""
    code = (
        "from tests.gitops.supply.test_attestation import *; import hashlib;"
        "print(hashlib.sha256(bill(REFERENCE, IMAGE, CONTENTS).encode()).hexdigest())"
    )
    seeds = ({"PYTHONHASHSEED": seed, "PATH": ""} for seed in ("1", "2", "3"))
    assert len({subprocess.check_output([sys.executable, "-c", code], env=seed) for seed in seeds}) == 1
