"""Images unpacked into folders by their digest, once each."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from backports import tarfile

from gitops.errors import GitopsError
from rehearsal.runtimes.registry import Registry, parse


@dataclass(frozen=True)
class UnpackedImage:
    """An image's root folder and the ``config`` object of its configuration."""

    digest: str
    root: Path
    config: dict[str, Any]


@dataclass(frozen=True)
class UnpackedImages:
    """The folder ``<state>/images``: one folder for each digest."""

    folder: Path
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def pull(self, image: str, password: str) -> UnpackedImage:
        """The image, fetched and unpacked where that has not been done.

        The manifest is asked for each time, as an engine does: what the caller
        may not pull must fail even when it lies here. Raises GitopsError when
        the registry refuses, a layer is unsafe, or the disk is full.
        """
        registry = Registry(parse(image), password)
        digest, manifest = registry.manifest()
        target = self.folder / digest.removeprefix("sha256:")
        with self._lock:
            if not target.exists():
                self._unpack(registry, manifest, target)
        return UnpackedImage(digest, target / "root", json.loads((target / "config.json").read_bytes()))

    def _unpack(self, registry: Registry, manifest: dict[str, Any], target: Path) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(dir=self.folder, prefix="unpacking-"))
        try:
            config = json.loads(registry.blob(manifest["config"]["digest"])).get("config") or {}
            root = work / "root"
            root.mkdir()
            for layer in manifest["layers"]:
                _extract(registry.blob(layer["digest"]), root)
            _compile(root)
            (work / "config.json").write_text(json.dumps(config))
            work.rename(target)
        except (tarfile.TarError, ValueError, KeyError) as error:
            raise GitopsError(
                f"image {target.name[:12]} cannot be unpacked: {error}",
                fix="build it with the builder pack, or use --runtime containers",
            ) from None
        except OSError as error:
            raise GitopsError(f"image {target.name[:12]} cannot be unpacked: {error.strerror}") from None
        finally:
            shutil.rmtree(work, ignore_errors=True)


def _compile(root: Path) -> None:
    """Bytecode for every task to come: a start without it takes four times as long."""
    mode = ["--invalidation-mode", "unchecked-hash"]
    # A package may carry templates that are no Python; what does not compile is left to whoever imports it.
    subprocess.run([sys.executable, "-I", "-m", "compileall", "-qq", "-j0", *mode, str(root)], check=False)


def _extract(layer: bytes, root: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(layer)) as archive:
        for member in archive:
            name = Path(member.name)
            # A whiteout: this layer removes what an earlier one brought (OCI image spec, layer.md).
            if name.name.startswith(".wh."):
                _remove(root, name)
            else:
                archive.extract(member, root, filter="data")


def _remove(root: Path, whiteout: Path) -> None:
    folder = (root / whiteout.parent).resolve()
    if not folder.is_relative_to(root.resolve()):
        raise tarfile.OutsideDestinationError(tarfile.TarInfo(str(whiteout)), str(folder))
    hidden = whiteout.name.removeprefix(".wh.")
    removed = list(folder.glob("*")) if hidden == ".wh..opq" else [folder / hidden]
    for path in removed:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
