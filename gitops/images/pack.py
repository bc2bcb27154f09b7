"""Packs a commit as a one-layer OCI image, where no Docker engine is.

The layer holds the service's files and its locked requirements; the command is
the Dockerfile's own. What it does not hold is an operating system: a runtime
lends its python. Format: github.com/opencontainers/image-spec.
"""

from __future__ import annotations

import json
import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from gitops.images import dockerfile, layer
from gitops.images.dockerfile import FinalStage
from gitops.images.layer import Layer
from gitops.images.reference import BUILDER_LABEL

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


@dataclass(frozen=True)
class Packed:
    """An image ready to be pushed: its layer, its configuration's bytes, its manifest."""

    layer: Layer
    config: bytes
    manifest: dict[str, Any]


def pack(source: Path, packages: Path, commit: str, committed: int) -> Packed:
    """Pack a service's files (with its Dockerfile) and its installed requirements.

    ``committed`` is the commit's time in seconds since 1970, the only time in
    the image. Raises GitopsError as ``dockerfile.final_stage``.
    """
    stage = dockerfile.final_stage((source / "Dockerfile").read_text(encoding="utf-8"), {"COMMIT": commit})
    packages_folder = str(PurePosixPath(stage.folder) / "site-packages")
    packed = layer.build({stage.folder: source, packages_folder: packages}, committed)
    settings = config(stage, commit, committed, packages_folder, packed.diff_id)
    content = json.dumps(settings, sort_keys=True, separators=(",", ":")).encode()
    return Packed(packed, content, manifest(packed, content))


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


def manifest(packed: Layer, config_content: bytes) -> dict[str, Any]:
    """The manifest that names both by digest and size."""
    return {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": {
            "mediaType": CONFIG_TYPE,
            "digest": layer.sha256(config_content),
            "size": len(config_content),
        },
        "layers": [{"mediaType": LAYER_TYPE, "digest": packed.digest, "size": len(packed.content)}],
        "annotations": {BUILDER_LABEL: "pack"},
    }
