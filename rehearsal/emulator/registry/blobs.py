"""Layers kept on disk: in memory each pushed base image would stay in the emulator for good."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any


def install(folder: Path) -> None:
    """Keep each repository's layers below ``folder`` for as long as the repository exists."""
    from ministack.core.responses import get_account_id
    from ministack.services import ecr

    shutil.rmtree(folder, ignore_errors=True)
    create, delete = ecr._create_repository, ecr._delete_repository

    def create_repository(data: dict[str, Any]) -> Any:  # noqa: ANN401
        response = create(data)
        if response[0] == 200:
            name = data["repositoryName"]
            ecr._layer_blobs[name] = BlobFolder(folder / get_account_id() / name)
        return response

    def delete_repository(data: dict[str, Any]) -> Any:  # noqa: ANN401
        response = delete(data)
        if response[0] == 200:
            ecr._layer_blobs.pop(data["repositoryName"], None)
            ecr._manifest_blobs.pop(data["repositoryName"], None)
            shutil.rmtree(folder / get_account_id() / data["repositoryName"], ignore_errors=True)
        return response

    ecr._create_repository = create_repository
    ecr._delete_repository = delete_repository


class BlobFolder(MutableMapping[str, bytes]):
    """One repository's blobs by digest, each a file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def _file(self, digest: str) -> Path:
        return self.folder / digest.replace(":", "-").replace("/", "-")

    def __getitem__(self, digest: str) -> bytes:
        try:
            return self._file(digest).read_bytes()
        except FileNotFoundError:
            raise KeyError(digest) from None

    def __setitem__(self, digest: str, content: bytes) -> None:
        partial = self._file(digest).with_suffix(".partial")
        partial.write_bytes(content)
        partial.rename(self._file(digest))

    def __delitem__(self, digest: str) -> None:
        try:
            self._file(digest).unlink()
        except FileNotFoundError:
            raise KeyError(digest) from None

    def __contains__(self, digest: object) -> bool:
        return isinstance(digest, str) and self._file(digest).exists()

    def __iter__(self) -> Iterator[str]:
        return (file.name.replace("-", ":", 1) for file in self.folder.iterdir() if not file.suffix)

    def __len__(self) -> int:
        return sum(1 for _ in self)
