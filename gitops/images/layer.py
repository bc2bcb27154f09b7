"""One image layer whose bytes depend on its files alone: the same commit gives the same digest."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

# What an installer leaves that differs from run to run.
_LEFT_OUT = {"__pycache__", ".lock"}
_SHEBANG = b"#!/usr/bin/env python3\n"


@dataclass(frozen=True)
class Layer:
    """A gzipped tar, and the digest of what is in it (``diff_id`` in the image's configuration)."""

    content: bytes
    diff_id: str

    @property
    def digest(self) -> str:
        """The digest of the compressed bytes, as the registry knows the layer."""
        return sha256(self.content)


def sha256(content: bytes) -> str:
    """A digest in the registry's notation."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def build(folders: dict[str, Path], modified: int) -> Layer:
    """Pack folders under the image paths that name them (``/app``), sorted, owned by root.

    ``modified`` is the time every file bears, in seconds since 1970.
    """
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w", format=tarfile.GNU_FORMAT) as archive:
        seen: set[PurePosixPath] = set()
        for name, path in sorted(_entries(folders)):
            for parent in reversed(name.parents[:-1]):
                if parent not in seen:
                    seen.add(parent)
                    archive.addfile(_header(parent, modified, tarfile.DIRTYPE, 0o755))
            content = _content(name, path)
            header = _header(name, modified, tarfile.REGTYPE, 0o755 if path.stat().st_mode & 0o100 else 0o644)
            header.size = len(content)
            archive.addfile(header, io.BytesIO(content))
    plain = tar.getvalue()
    return Layer(gzip.compress(plain, compresslevel=6, mtime=0), sha256(plain))


def _entries(folders: dict[str, Path]) -> Iterator[tuple[PurePosixPath, Path]]:
    for prefix, folder in folders.items():
        for path in folder.rglob("*"):
            if path.is_file() and not _LEFT_OUT.intersection(path.relative_to(folder).parts):
                yield PurePosixPath(prefix.lstrip("/")) / path.relative_to(folder).as_posix(), path


def _content(name: PurePosixPath, path: Path) -> bytes:
    content = path.read_bytes()
    # Installed scripts name the python that installed them, a path of the build machine.
    if name.parent.name == "bin" and content.startswith(b"#!") and b"python" in content.partition(b"\n")[0]:
        return _SHEBANG + content.partition(b"\n")[2]
    return content


def _header(name: PurePosixPath, modified: int, kind: bytes, mode: int) -> tarfile.TarInfo:
    header = tarfile.TarInfo(str(name))
    header.type, header.mode, header.mtime = kind, mode, modified
    return header
