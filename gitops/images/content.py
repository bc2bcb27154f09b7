"""What is in an image of the registry: its configuration, its layers and their files, each proven by its digest."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import requests

from gitops.errors import GitopsError
from gitops.images.client import Client, connect
from gitops.images.layer import sha256
from gitops.images.registry import Repository


@dataclass(frozen=True)
class ImageLayer:
    """A layer as the manifest lists it: ``size`` in bytes as it is stored, ``made_by`` from the configuration."""

    digest: str
    size: int
    made_by: str


@dataclass(frozen=True)
class Image:
    """One image, read from its registry. ``size`` is what a task pulls, in bytes."""

    digest: str
    config: dict[str, Any]
    layers: tuple[ImageLayer, ...]

    @property
    def size(self) -> int:
        """Bytes of all layers as they are stored."""
        return sum(layer.size for layer in self.layers)

    @property
    def environment(self) -> dict[str, str]:
        """The variables that its configuration sets."""
        entries = (self.config.get("config") or {}).get("Env") or []
        return dict(entry.partition("=")[::2] for entry in entries)


@dataclass(frozen=True)
class Reader:
    """Reads images of one repository, signed in once."""

    repository: Repository
    client: Client

    def image(self, digest: str) -> Image:
        """The image under a digest.

        Raises GitopsError when it is not there, is an index of several images, or is not what its digest says.
        """
        manifest = json.loads(self.repository.manifest(digest))
        if "layers" not in manifest:
            raise GitopsError(
                f"{digest[:19]}… in {self.repository.name} is not one image but a list of them",
                fix="build for one platform, without attestations inside the image",
            )
        config = json.loads(self._blob(manifest["config"]["digest"]))
        return Image(digest, config, _layers(manifest, config))

    @contextmanager
    def open(self, layer: ImageLayer) -> Iterator[tarfile.TarFile]:
        """A layer's files, once its bytes have proven to be the layer."""
        with tarfile.open(fileobj=io.BytesIO(self._blob(layer.digest)), mode="r:*") as archive:
            yield archive

    def _blob(self, digest: str) -> bytes:
        container = self.client.get_container(self.repository.uri)
        try:
            answer = self.client.get_blob(container, digest)
        except requests.RequestException as error:
            raise GitopsError(
                f"the registry {self.repository.host} does not answer: {type(error).__name__}", fix="run it again"
            ) from None
        except ValueError as error:
            # oras raises it for a refused sign-in.
            raise GitopsError(
                f"the registry refused to give {digest[:19]}…: {error}", fix="allow ecr:GetDownloadUrlForLayer"
            ) from None
        if answer.status_code != requests.codes.ok:
            fix = "allow ecr:GetDownloadUrlForLayer in the role" if answer.status_code in {401, 403} else "run it again"
            raise GitopsError(f"the registry refused to give {digest[:19]}… with {answer.status_code}", fix=fix)
        content: bytes = answer.content
        if sha256(content) != digest:
            raise GitopsError(f"the registry gave other bytes than {digest[:19]}…", fix="run it again")
        return content


def reader(repository: Repository) -> Reader:
    """Sign in and read."""
    return Reader(repository, connect(repository, repository.login()))


def _layers(manifest: dict[str, Any], config: dict[str, Any]) -> tuple[ImageLayer, ...]:
    history = [entry for entry in config.get("history") or [] if not entry.get("empty_layer")]
    commands = [str(entry.get("created_by", "")) for entry in history]
    # An image that was imported rather than built may tell less than it has layers.
    commands += [""] * (len(manifest["layers"]) - len(commands))
    return tuple(
        ImageLayer(layer["digest"], int(layer["size"]), command)
        for layer, command in zip(manifest["layers"], commands, strict=False)
    )
