"""The bill of materials: valid CycloneDX, and the same bytes for the same image."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from gitops.images.content import Image
from gitops.images.reference import Reference
from gitops.supply.bill import bill
from gitops.supply.packages import Contents, Package

DIGEST = "sha256:" + "d" * 64
REFERENCE = Reference("example.org/demo/app", "c" * 40, DIGEST)
IMAGE = Image(DIGEST, {"created": "2026-03-04T05:06:07.123456789Z"}, ())
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


def test_it_is_valid() -> None:
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(bill(REFERENCE, IMAGE, CONTENTS)) is None


def test_each_package_has_its_url() -> None:
    assert {one["name"]: one["purl"] for one in written()["components"]} == {
        "libc6": "pkg:deb/debian/libc6@2.36-9%2Bdeb12u10?arch=amd64&distro=debian-12",
        "python": "pkg:generic/python@3.13.9",
        "Flask": "pkg:pypi/flask@3.1.3",
        "odd_name": "pkg:pypi/odd-name@1",
    }


def test_it_says_which_image_it_is_of() -> None:
    document = written()
    assert document["metadata"]["component"]["bom-ref"] == DIGEST
    assert document["metadata"]["component"]["version"] == "c" * 40
    assert document["metadata"]["timestamp"] == "2026-03-04T05:06:07+00:00"
    needed = {one["ref"]: one.get("dependsOn", []) for one in document["dependencies"]}
    assert len(needed[DIGEST]) == 4


def test_the_same_image_gives_the_same_bytes_in_any_process() -> None:
    """Hashes of strings differ from process to process, so an order taken from a set would show."""
    code = (
        "from tests.gitops.supply.test_bill import *; import hashlib;"
        "print(hashlib.sha256(bill(REFERENCE, IMAGE, CONTENTS).encode()).hexdigest())"
    )
    command = [sys.executable, "-c", code]
    runs = [
        subprocess.run(command, check=True, capture_output=True, text=True, env={"PYTHONHASHSEED": seed, "PATH": ""})
        for seed in ("1", "2", "3")
    ]
    assert len({run.stdout for run in runs}) == 1


def test_another_image_has_another_serial_number() -> None:
    other = Reference(REFERENCE.uri, REFERENCE.tag, "sha256:" + "e" * 64)
    assert json.loads(bill(other, IMAGE, CONTENTS))["serialNumber"] != written()["serialNumber"]


def test_an_image_without_a_time_gets_none_of_today() -> None:
    assert written(image=Image(DIGEST, {}, ()))["metadata"]["timestamp"].startswith("1970")
