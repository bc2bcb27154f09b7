"""What is in an image: its layers as they are told, its packages without what a later layer removes or replaces."""

from __future__ import annotations

import io
import tarfile
from types import SimpleNamespace
from typing import Any

import pytest

from gitops.images import content
from gitops.images.content import Contents, Package
from gitops.oci import Image, ImageLayer, Reference

DIGEST = "sha256:" + "a" * 64
LONG = "RUN /bin/sh -c python3 -m compileall -q --invalidation-mode unchecked-hash /opt/venv/lib /app # buildkit"
VENV = "opt/venv/lib/python3.13/site-packages"
STATUS = """\
Package: libc6
Status: install ok installed
Architecture: amd64
Version: 2.36-9+deb12u10
Description: GNU C Library
 Package: not-this-one

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1.0
"""
RELEASE = 'NAME="Debian GNU/Linux"\nID=debian\nVERSION_ID="12"\n'


def metadata(name: str, version: str, licence: str = "") -> str:
    expression = f"License-Expression: {licence}\n" if licence else "License: a long text\n"
    return f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\n{expression}\nVersion: 9 (in the description)\n"


def layer(files: dict[str, str | None], links: dict[str, str] | None = None) -> bytes:
    """A layer with these files; None makes a folder."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, text in files.items():
            header = tarfile.TarInfo(name)
            header.type = tarfile.DIRTYPE if text is None else tarfile.REGTYPE
            header.size = len((text or "").encode())
            archive.addfile(header, io.BytesIO((text or "").encode()))
        for name, target in (links or {}).items():
            header = tarfile.TarInfo(name)
            header.type, header.linkname = tarfile.SYMTYPE, target
            archive.addfile(header)
    return buffer.getvalue()


def package(name: str, version: str, licence: str = "") -> dict[str, str | None]:
    """The file that an installed package leaves."""
    return {f"{VENV}/{name}-{version}.dist-info/METADATA": metadata(name, version, licence)}


def read(*layers: bytes, **environment: str) -> Contents:
    """What is in an image of these layers, the lowest first."""
    registry: Any = SimpleNamespace(blob=lambda digest: layers[int(digest)])
    variables = {"config": {"Env": [f"{name}={value}" for name, value in environment.items()]}}
    image = Image(DIGEST, variables, tuple(ImageLayer(str(n), 1, "") for n in range(len(layers))))
    return content.read(registry, image)


def names(*layers: bytes) -> list[str]:
    return [f"{package.name} {package.version}" for package in read(*layers).packages]


def test_python_and_debian_packages_and_the_interpreter_are_found() -> None:
    base = layer({"./var/lib/dpkg/status": STATUS, "usr/lib/os-release": RELEASE})
    own = layer(package("Flask", "3.1.3", "BSD-3-Clause"))
    assert read(base, own, PYTHON_VERSION="3.13.9") == Contents(
        packages=(
            Package("debian", "libc6", "2.36-9+deb12u10", architecture="amd64"),
            Package("interpreter", "python", "3.13.9", licence="PSF-2.0"),
            Package("python", "Flask", "3.1.3", licence="BSD-3-Clause"),
        ),
        distribution="debian",
        release="12",
    )


@pytest.mark.parametrize(
    "removal",
    [
        f"{VENV}/a-1.dist-info/.wh.METADATA",
        f"{VENV}/.wh.a-1.dist-info",
        f"{VENV}/.wh..wh..opq",
        "opt/.wh.venv",
        ".wh.opt",
        ".wh..wh..opq",
    ],
)
def test_what_a_later_layer_removes_is_not_in_the_image(removal: str) -> None:
    assert names(layer(package("a", "1")), layer({removal: ""})) == []


def test_a_removal_leaves_what_its_own_layer_brings_and_what_lies_beside() -> None:
    lower = layer(package("a", "1") | package("ab", "1"))
    assert names(lower, layer(package("a", "2") | {f"{VENV}/.wh.a-1.dist-info": ""})) == ["a 2", "ab 1"]
    assert names(lower, layer(package("c", "1") | {f"{VENV}/.wh..wh..opq": ""})) == ["c 1"]


def test_a_file_or_link_over_a_file_hides_it() -> None:
    lower = layer({"var/lib/dpkg/status": STATUS})
    assert names(lower, layer({}, {"var/lib/dpkg/status": "/dev/null"})) == []
    path = f"{VENV}/a-1.dist-info/METADATA"
    assert names(layer({path: metadata("a", "1")}), layer({path: metadata("a", "2")})) == ["a 2"]


def test_images_without_a_package_manager_are_read_as_well() -> None:
    distroless = layer({"var/lib/dpkg/status.d/tzdata": "Package: tzdata\nVersion: 2026a\nArchitecture: all\n"})
    packed = layer({"app/site-packages/b-1.dist-info/METADATA": metadata("b", "1"), "app/pages": None})
    assert names(distroless, packed) == ["tzdata 2026a", "b 1"]
    assert read() == Contents(packages=())


def test_size_and_layers_are_told_for_a_log_and_a_summary() -> None:
    layers = (ImageLayer("1", 30_000_000, "/bin/sh -c #(nop) ADD file:1 in / "), ImageLayer("2", 1_240_000, LONG))
    image = Image(DIGEST, {}, layers)
    assert content.text(image).splitlines() == [
        "31.2 MB compressed, 2 layers:",
        "   30.0 MB  ADD file:1 in /",
        "    1.2 MB  RUN /bin/sh -c python3 -m compileall -q --invalidation-mode unchecked-hash /opt…",
    ]
    table = content.markdown("app", Reference("example.org/demo/app", "c" * 40, DIGEST), image)
    assert "| 30.0 MB | `ADD file:1 in /` |" in table
    assert DIGEST in table
    table = content.markdown(
        "app", Reference("u", "t", DIGEST), Image(DIGEST, {}, (ImageLayer("d", 1, "RUN a | `c`"),))
    )
    assert "| 0.0 MB | `` RUN a \\| `c` `` |" in table
    assert "1 layer." in table


@pytest.mark.parametrize(
    ("made_by", "shown"),
    [
        ("", "not told"),
        ('/bin/sh -c #(nop)  CMD ["a"]', 'CMD ["a"]'),
        ("COPY /app /app # buildkit", "COPY /app /app"),
        (f"/bin/sh -c #(nop) COPY dir:{'a' * 64} in /opt/venv ", "COPY dir in /opt/venv"),
        ("|1 COMMIT=abc /bin/sh -c python3 x", "COMMIT=abc /bin/sh -c python3 x"),
    ],
)
def test_what_the_builder_adds_to_an_instruction_is_left_out(made_by: str, shown: str) -> None:
    assert content.command(made_by) == shown
