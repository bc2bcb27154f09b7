"""Packs a commit as a one-layer OCI image, where no Docker engine is: the same commit gives the same digest.

The layer holds the service's files and its locked requirements; the command is
the Dockerfile's own. What it does not hold is an operating system: a runtime
lends its python. Format: github.com/opencontainers/image-spec.
"""

from __future__ import annotations

import gzip
import io
import json
import platform
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from gitops.images import source
from gitops.images.source import FinalStage
from gitops.oci import sha256

# The label on every image that says which builder made it.
BUILDER_LABEL = "dev.fairweather.builder"
_OCI = "application/vnd.oci.image."
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
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


@dataclass(frozen=True)
class Packed:
    """An image ready to be pushed: its layer, its configuration's bytes, its manifest."""

    layer: Layer
    config: bytes
    manifest: dict[str, Any]

    @property
    def blobs(self) -> dict[str, bytes]:
        """What the manifest names, by digest."""
        return {self.layer.digest: self.layer.content, sha256(self.config): self.config}


def pack(folder: Path, packages: Path, commit: str, committed: int) -> Packed:
    """Pack a service's files (with its Dockerfile) and its installed requirements.

    ``committed`` is the commit's time in seconds since 1970, the only time in
    the image. Raises GitopsError as ``source.final_stage``.
    """
    stage = source.final_stage((folder / "Dockerfile").read_text(encoding="utf-8"), {"COMMIT": commit})
    packages_folder = str(PurePosixPath(stage.folder) / "site-packages")
    packed = _layer({stage.folder: folder, packages_folder: packages}, committed)
    settings = config(stage, commit, committed, packages_folder, packed.diff_id)
    content = json.dumps(settings, sort_keys=True, separators=(",", ":")).encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{_OCI}manifest.v1+json",
        "config": _described("config.v1+json", content),
        "layers": [_described("layer.v1.tar+gzip", packed.content)],
        "annotations": {BUILDER_LABEL: "pack"},
    }
    return Packed(packed, content, manifest)


def config(stage: FinalStage, commit: str, committed: int, packages_folder: str, diff_id: str) -> dict[str, Any]:
    """The image's configuration: the Dockerfile's own, pointed at where the packages lie here."""
    environment = {
        **stage.environment,
        "COMMIT": commit,
        "PATH": f"{packages_folder}/bin:/usr/local/bin:/usr/bin:/bin",
        "PYTHONPATH": packages_folder,
    }
    created = datetime.fromtimestamp(committed, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    machine = platform.machine()
    return {
        "architecture": _ARCHITECTURES.get(machine, machine),
        "os": "linux",
        "created": created,
        "config": {
            "Cmd": list(stage.command),
            "Env": [f"{name}={value}" for name, value in sorted(environment.items())],
            "Labels": {BUILDER_LABEL: "pack", "org.opencontainers.image.revision": commit},
            "User": stage.user,
            "WorkingDir": stage.folder,
            **({"Entrypoint": list(stage.entrypoint)} if stage.entrypoint else {}),
        },
        "rootfs": {"type": "layers", "diff_ids": [diff_id]},
        "history": [{"created": created, "created_by": "gitops build --builder pack"}],
    }


def _described(kind: str, content: bytes) -> dict[str, Any]:
    return {"mediaType": f"{_OCI}{kind}", "digest": sha256(content), "size": len(content)}


def _layer(folders: dict[str, Path], modified: int) -> Layer:
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
