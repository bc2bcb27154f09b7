"""What is in an image, read from its registry: its layers as people are shown them, and its packages.

Packages are told by what their installers left: Python's .dist-info, Debian's dpkg status.
"""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from email.parser import HeaderParser
from typing import Literal

from gitops.oci import Image, Reference, RegistryClient
from gitops.text import code, cut, table

Kind = Literal["python", "debian", "interpreter"]

_METADATA = re.compile(r"(?:^|/)(?:site|dist)-packages/[^/]+\.(?:dist-info/METADATA|egg-info/PKG-INFO)\Z")
_DPKG = re.compile(r"^var/lib/dpkg/status(?:\.d/[^/]+)?\Z")
_RELEASE = ("etc/os-release", "usr/lib/os-release")
_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"
_LONGEST_COMMAND = 80
# What BuildKit and the older builder put around an instruction.
_NOISE = re.compile(r"^/bin/sh -c (#\(nop\) )?|^\|\d+ |\s*# buildkit$")
# The older builder names what it copied by its sum.
_SUM = re.compile(r"\b(dir|file|multi):[0-9a-f]{64}\b")


@dataclass(frozen=True, order=True)
class Package:
    """One installed package; ``licence`` as its metadata states it, empty where it states none."""

    kind: Kind
    name: str
    version: str
    licence: str = ""
    architecture: str = ""


@dataclass(frozen=True)
class Contents:
    """The packages of an image, sorted, and its distribution (``debian``, ``12``), empty where it has none."""

    packages: tuple[Package, ...]
    distribution: str = ""
    release: str = ""


def read(registry: RegistryClient, image: Image) -> Contents:
    """Look through an image's layers."""
    files: dict[str, bytes] = {}
    for layer in image.layers:
        with tarfile.open(fileobj=io.BytesIO(registry.blob(layer.digest)), mode="r:*") as archive:
            apply(files, archive)
    return contents(files, image.environment)


def apply(files: dict[str, bytes], archive: tarfile.TarFile) -> None:
    """Lay one layer's files of interest over those of the layers below it.

    Removals are the image specification's whiteouts: ``.wh.<name>`` for a path
    and ``.wh..wh..opq`` for all that a folder held (opencontainers/image-spec, layer.md).
    """
    added: dict[str, bytes] = {}
    for member in archive:
        path = member.name.removeprefix("./").lstrip("/")
        folder, _, name = path.rpartition("/")
        if name == _OPAQUE:
            _remove(files, folder, itself=False)
        elif name.startswith(_WHITEOUT):
            _remove(files, "/".join(filter(None, [folder, name.removeprefix(_WHITEOUT)])), itself=True)
        elif not member.isdir() and _of_interest(path):
            # A layer may put a link where the one below it had a file.
            file = archive.extractfile(member) if member.isfile() else None
            files.pop(path, None)
            if file is not None:
                added[path] = file.read()
    files.update(added)


def contents(files: dict[str, bytes], environment: dict[str, str]) -> Contents:
    """The packages that the files of an image tell of."""
    found: set[Package] = set()
    for path, content in files.items():
        text = content.decode("utf-8", errors="replace")
        if _METADATA.search(path):
            found.update(_python(text))
        elif _DPKG.search(path):
            found.update(_debian(text))
    # The official images compile it themselves, so no package manager knows of it.
    if version := environment.get("PYTHON_VERSION"):
        found.add(Package("interpreter", "python", version, licence="PSF-2.0"))
    release = _release(files)
    return Contents(tuple(sorted(found)), release.get("ID", ""), release.get("VERSION_ID", ""))


def _of_interest(path: str) -> bool:
    return path in _RELEASE or bool(_METADATA.search(path) or _DPKG.search(path))


def _remove(files: dict[str, bytes], path: str, *, itself: bool) -> None:
    below = f"{path}/" if path else ""
    for name in [name for name in files if name.startswith(below) or (itself and name == path)]:
        del files[name]


def _python(metadata: str) -> Iterable[Package]:
    headers = HeaderParser().parsestr(metadata)
    if headers["Name"] and headers["Version"]:
        # License-Expression is SPDX; the older License is free text, and often the whole of one.
        yield Package("python", headers["Name"], headers["Version"], headers["License-Expression"] or "")


def _debian(status: str) -> Iterable[Package]:
    for paragraph in re.split(r"\n\s*\n", status.strip()):
        headers = HeaderParser().parsestr(paragraph)
        # Removed packages stay listed while their configuration does; distroless files tell no state.
        if headers["Package"] and headers["Version"] and (headers["Status"] or "installed").endswith("installed"):
            yield Package("debian", headers["Package"], headers["Version"], architecture=headers["Architecture"] or "")


def _release(files: dict[str, bytes]) -> dict[str, str]:
    for path in _RELEASE:
        if path in files:
            lines = files[path].decode("utf-8", errors="replace").splitlines()
            pairs = (line.partition("=") for line in lines if "=" in line)
            return {name.strip(): value.strip().strip("\"'") for name, _, value in pairs}
    return {}


def text(image: Image) -> str:
    """One line per layer and the total, for a log."""
    rows = [f"  {_megabytes(layer.size):>8}  {command(layer.made_by)}" for layer in image.layers]
    return "\n".join([f"{_total(image)}:", *rows])


def markdown(service: str, reference: Reference, image: Image) -> str:
    """The same as a table, for the job's summary."""
    rows = table(("size:", "made by"), [(_megabytes(one.size), code(command(one.made_by))) for one in image.layers])
    title = f"### Image of {service} at {reference.tag[:12]}"
    return "\n".join([title, "", f"{_total(image)}. `{reference.digest}`", "", *rows])


def command(made_by: str) -> str:
    """The instruction that made a layer, on one line and not too long."""
    plain = _SUM.sub(r"\1", " ".join(made_by.split()))
    for _ in range(2):
        plain = _NOISE.sub("", plain).strip()
    return cut(plain or "not told", _LONGEST_COMMAND)


def _megabytes(size: int) -> str:
    # Decimal ones, as registries count.
    return f"{size / 1_000_000:.1f} MB"


def _total(image: Image) -> str:
    layers = "1 layer" if len(image.layers) == 1 else f"{len(image.layers)} layers"
    return f"{_megabytes(image.size)} compressed, {layers}"
