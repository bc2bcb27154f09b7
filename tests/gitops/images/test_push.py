"""Pushing a packed image through the registry's protocol."""

from __future__ import annotations

import base64
import json
import logging
from typing import Any

import pytest
import responses

from gitops.errors import GitopsError
from gitops.images import layer
from gitops.images.layer import Layer
from gitops.images.pack import Packed, manifest
from gitops.images.push import push
from gitops.images.registry import Login, Repository

BASE = "http://127.0.0.1:5000/v2/demo/app"
LOGIN = Login("AWS", "the password")


@pytest.fixture
def repository() -> Repository:
    client: Any = None
    return Repository(client, "1" * 12, "demo/app", "127.0.0.1:5000/demo/app")


@pytest.fixture
def image() -> Packed:
    packed = Layer(b"layer", "sha256:" + "d" * 64)
    return Packed(packed, b"{}", manifest(packed, b"{}"))


def blobs(registry: responses.RequestsMock, image: Packed, *, known: bool = False) -> None:
    for digest in (image.layer.digest, layer.sha256(image.config)):
        registry.head(f"{BASE}/blobs/{digest}", status=200 if known else 404)
    if not known:
        registry.post(f"{BASE}/blobs/uploads/", status=202, headers={"Location": "/v2/demo/app/blobs/uploads/1"})
        registry.put(f"{BASE}/blobs/uploads/1", status=201)


@responses.activate
def test_layer_and_configuration_go_before_the_manifest(repository: Repository, image: Packed) -> None:
    with responses.RequestsMock() as registry:
        blobs(registry, image)
        registry.put(f"{BASE}/manifests/abc", status=201)
        push(repository, "abc", image, LOGIN)
        sent = [(call.request.method, call.request.body) for call in registry.calls if call.request.method == "PUT"]
    assert [body for _, body in sent[:2]] == [b"layer", b"{}"]
    assert sent[2][1] is not None
    assert json.loads(sent[2][1]) == image.manifest


def test_what_the_registry_has_is_not_sent_again(repository: Repository, image: Packed) -> None:
    with responses.RequestsMock() as registry:
        blobs(registry, image, known=True)
        registry.put(f"{BASE}/manifests/abc", status=201)
        push(repository, "abc", image, LOGIN)


def test_it_signs_in_when_asked_to(repository: Repository, image: Packed) -> None:
    expected = "Basic " + base64.b64encode(b"AWS:the password").decode()

    def answer(request: Any) -> tuple[int, dict[str, str], str]:
        return (201 if request.headers.get("Authorization") == expected else 401), {}, ""

    with responses.RequestsMock() as registry:
        blobs(registry, image, known=True)
        registry.add_callback("PUT", f"{BASE}/manifests/abc", callback=answer)
        push(repository, "abc", image, LOGIN)


@pytest.mark.parametrize(("status", "fix"), [(403, "build role"), (400, "run it again")])
def test_a_refusal_is_told_in_the_registrys_words(
    repository: Repository, image: Packed, status: int, fix: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    with responses.RequestsMock() as registry:
        blobs(registry, image, known=True)
        answer = {"errors": [{"code": "DENIED", "message": "not for you"}]}
        registry.put(f"{BASE}/manifests/abc", status=status, json=answer)
        with pytest.raises(GitopsError, match="not for you") as caught:
            push(repository, "abc", image, LOGIN)
    assert fix in caught.value.fix
    assert "password" not in str(caught.value)


def test_a_registry_that_does_not_answer_is_one_line(repository: Repository, image: Packed) -> None:
    # No answer is set up, so every request fails as a connection would.
    with responses.RequestsMock(), pytest.raises(GitopsError, match=r"registry 127\.0\.0\.1:5000 does not answer"):
        push(repository, "abc", image, LOGIN)
