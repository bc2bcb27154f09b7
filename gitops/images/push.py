"""Pushes a packed image through the registry's own protocol."""

from __future__ import annotations

import tempfile
from pathlib import Path

import requests

from gitops.errors import GitopsError
from gitops.images.client import connect
from gitops.images.pack import Packed
from gitops.images.registry import Login, Repository


def push(repository: Repository, tag: str, image: Packed, login: Login) -> None:
    """Push the layer, the configuration and, last, the manifest that makes them an image.

    Raises GitopsError when the registry refuses one of them or does not answer.
    """
    client = connect(repository, login)
    target = f"{repository.uri}:{tag}"
    manifest = image.manifest
    blobs = ((image.layer.content, manifest["layers"][0]), (image.config, manifest["config"]))
    try:
        with tempfile.TemporaryDirectory() as folder:
            for content, descriptor in blobs:
                blob = Path(folder) / descriptor["digest"].partition(":")[2]
                blob.write_bytes(content)
                _accepted(client.upload_blob(str(blob), client.get_container(target), descriptor), target)
        _accepted(client.upload_manifest(manifest, client.get_container(target)), target)
    except requests.RequestException as error:
        raise GitopsError(
            f"the registry {repository.host} does not answer: {type(error).__name__}",
            fix="run it again; what was pushed already is not pushed twice",
        ) from None
    except ValueError as error:
        # oras raises it for a refused sign-in and for an answer it cannot read.
        raise GitopsError(f"the registry refused {target}: {error}", fix="check the role's ECR actions") from None


def _accepted(answer: requests.Response, target: str) -> None:
    if answer.status_code in {200, 201, 202}:
        return
    try:
        reasons = "; ".join(error["message"] for error in answer.json()["errors"])
    except (requests.JSONDecodeError, KeyError, TypeError):
        reasons = answer.reason or ""
    fix = "allow the push in the build role" if answer.status_code in {401, 403} else "correct that and run it again"
    raise GitopsError(f"the registry refused {target} with {answer.status_code}: {reasons}", fix=fix)
