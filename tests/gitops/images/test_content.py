"""What is in an image: its layers as they are told, its packages without what a later layer removes or replaces."""

from __future__ import annotations

import io
import tarfile
from typing import Any

import pytest

from gitops.images import content
from gitops.images.content import Contents, Package, apply, contents
from gitops.registry import Image, ImageLayer, Reference

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


def layer(files: dict[str, str | None], links: dict[str, str] | None = None) -> tarfile.TarFile:
    """A layer with these files; None makes a folder."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, text in files.items():
            header = tarfile.TarInfo(name)
            header.type = tarfile.DIRTYPE if text is None else tarfile.REGTYPE
            header.size = len((text or "").encode())
            archive.addfile(header, io.BytesIO((text or "").encode()))
        for name, target in (links or {}).items():
            header = tarfile.TarInfo(name)
            header.type, header.linkname = tarfile.SYMTYPE, target
            archive.addfile(header)
    buffer.seek(0)
    return tarfile.open(fileobj=buffer)


def read(*layers: tarfile.TarFile, **environment: str) -> Contents:
    files: dict[str, bytes] = {}
    for one in layers:
        with one:
            apply(files, one)
    return contents(files, environment)


def names(found: Contents) -> list[str]:
    return [f"{package.name} {package.version}" for package in found.packages]


def test_python_and_debian_packages_and_the_interpreter_are_found() -> None:
    base = layer({"./var/lib/dpkg/status": STATUS, "usr/lib/os-release": RELEASE})
    own = layer({f"{VENV}/flask-3.1.3.dist-info/METADATA": metadata("Flask", "3.1.3", "BSD-3-Clause")})
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
    lower = layer({f"{VENV}/a-1.dist-info/METADATA": metadata("a", "1")})
    assert names(read(lower, layer({removal: ""}))) == []


def test_a_removal_leaves_what_its_own_layer_brings_and_what_lies_beside() -> None:
    lower = layer(
        {f"{VENV}/a-1.dist-info/METADATA": metadata("a", "1"), f"{VENV}/ab-1.dist-info/METADATA": metadata("ab", "1")}
    )
    upper = layer({f"{VENV}/a-2.dist-info/METADATA": metadata("a", "2"), f"{VENV}/.wh.a-1.dist-info": ""})
    assert names(read(lower, upper)) == ["a 2", "ab 1"]
    opaque = layer({f"{VENV}/c-1.dist-info/METADATA": metadata("c", "1"), f"{VENV}/.wh..wh..opq": ""})
    with layer({f"{VENV}/a-1.dist-info/METADATA": metadata("a", "1")}) as again:
        files: dict[str, bytes] = {}
        apply(files, again)
    with opaque:
        apply(files, opaque)
    assert names(contents(files, {})) == ["c 1"]


def test_a_link_over_a_file_hides_it() -> None:
    lower = layer({"var/lib/dpkg/status": STATUS})
    assert names(read(lower, layer({}, {"var/lib/dpkg/status": "/dev/null"}))) == []


def test_images_without_a_package_manager_are_read_as_well() -> None:
    distroless = layer({"var/lib/dpkg/status.d/tzdata": "Package: tzdata\nVersion: 2026a\nArchitecture: all\n"})
    packed = layer({"app/site-packages/b-1.dist-info/METADATA": metadata("b", "1"), "app/pages": None})
    assert names(read(distroless, packed)) == ["tzdata 2026a", "b 1"]
    assert read() == Contents(packages=())


def test_an_images_own_layers_are_looked_through_in_their_order() -> None:
    def stored(name: str, text: str) -> bytes:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
            header = tarfile.TarInfo(name)
            header.size = len(text)
            archive.addfile(header, io.BytesIO(text.encode()))
        return buffer.getvalue()

    class Held:
        def blob(self, digest: str) -> bytes:
            path = f"{VENV}/a-1.dist-info/METADATA"
            return stored(path, metadata("a", "1" if digest == "lower" else "2"))

    registry: Any = Held()
    image = Image(DIGEST, {}, (ImageLayer("lower", 1, ""), ImageLayer("upper", 1, "")))
    assert names(content.read(registry, image)) == ["a 2"]


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


def test_a_table_survives_a_pipe() -> None:
    image = Image(DIGEST, {}, (ImageLayer("d", 1, "RUN a | b `c`"),))
    table = content.markdown("app", Reference("u", "t", DIGEST), image)
    assert "| 0.0 MB | `` RUN a \\| b `c` `` |" in table
    assert "1 layer." in table
