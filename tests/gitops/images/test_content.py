"""Reading an image from its registry: each part is what its digest says, or it is refused."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from typing import Any
from unittest.mock import Mock

import pytest
import responses

from gitops.errors import GitopsError
from gitops.images import summary
from gitops.images.client import connect
from gitops.images.content import Image, ImageLayer, Reader
from gitops.images.layer import sha256
from gitops.images.reference import Reference
from gitops.images.registry import Login, Repository

BASE = "http://127.0.0.1:5000/v2/demo/app/blobs"
LONG = "RUN /bin/sh -c python3 -m compileall -q --invalidation-mode unchecked-hash /opt/venv/lib /app # buildkit"
CONFIG = json.dumps(
    {
        "config": {"Env": ["PATH=/bin", "COMMIT=c=1"]},
        "history": [
            {"created_by": "/bin/sh -c #(nop) ADD file:1 in / "},
            {"created_by": "/bin/sh -c #(nop)  ENV A=1", "empty_layer": True},
            {"created_by": LONG},
        ],
    }
).encode()


def archive() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        header = tarfile.TarInfo("etc/motd")
        header.size = 2
        tar.addfile(header, io.BytesIO(b"hi"))
    return buffer.getvalue()


LAYER = archive()
MANIFEST = json.dumps(
    {
        "config": {"digest": sha256(CONFIG), "size": len(CONFIG)},
        "layers": [{"digest": sha256(LAYER), "size": 30_000_000}, {"digest": sha256(b"2"), "size": 1_240_000}],
    }
).encode()
DIGEST = sha256(MANIFEST)


def repository(manifest: bytes = MANIFEST) -> Repository:
    client = Mock()
    client.batch_get_image.return_value = {"images": [{"imageManifest": manifest.decode()}] if manifest else []}
    return Repository(client, "1" * 12, "demo/app", "127.0.0.1:5000/demo/app")


def reader(held: Repository) -> Reader:
    return Reader(held, connect(held, Login("AWS", "password")))


@pytest.fixture
def served() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


def test_layers_come_with_the_instruction_that_made_them(served: responses.RequestsMock) -> None:
    served.get(f"{BASE}/{sha256(CONFIG)}", body=CONFIG)
    image = reader(repository()).image(DIGEST)
    assert image.size == 31_240_000
    assert [layer.made_by for layer in image.layers] == ["/bin/sh -c #(nop) ADD file:1 in / ", LONG]
    assert image.environment == {"PATH": "/bin", "COMMIT": "c=1"}
    assert summary.text(image).splitlines() == [
        "31.2 MB compressed, 2 layers:",
        "   30.0 MB  ADD file:1 in /",
        "    1.2 MB  RUN /bin/sh -c python3 -m compileall -q --invalidation-mode unchecked-hash /opt…",
    ]
    table = summary.markdown("app", Reference("example.org/demo/app", "c" * 40, DIGEST), image)
    assert "| 30.0 MB | `ADD file:1 in /` |" in table
    assert DIGEST in table


def test_a_layers_files_can_be_read(served: responses.RequestsMock) -> None:
    served.get(f"{BASE}/{sha256(LAYER)}", body=LAYER)
    with reader(repository()).open(ImageLayer(sha256(LAYER), 1, "")) as files:
        assert files.getnames() == ["etc/motd"]


def test_other_bytes_than_the_digest_says_are_refused(served: responses.RequestsMock) -> None:
    served.get(f"{BASE}/{sha256(CONFIG)}", body=b"{}")
    with pytest.raises(GitopsError, match="other bytes"):
        reader(repository()).image(DIGEST)


@pytest.mark.parametrize("manifest", [b"", b"{}"])
def test_a_manifest_that_is_missing_or_converted_is_refused(manifest: bytes) -> None:
    with pytest.raises(GitopsError, match="no manifest whose bytes have the digest"):
        repository(manifest).manifest(DIGEST)


def test_a_list_of_images_is_not_an_image() -> None:
    index = b'{"manifests": []}'
    with pytest.raises(GitopsError, match="not one image but a list"):
        reader(repository(index)).image(sha256(index))


def test_a_role_that_may_not_read_is_told_which_action_it_lacks(served: responses.RequestsMock) -> None:
    served.get(f"{BASE}/{sha256(CONFIG)}", status=403)
    with pytest.raises(GitopsError, match="ecr:GetDownloadUrlForLayer"):
        reader(repository()).image(DIGEST)


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
    assert summary.command(made_by) == shown


def test_a_table_survives_a_pipe() -> None:
    config: dict[str, Any] = {}
    image = Image(DIGEST, config, (ImageLayer("d", 1, "RUN a | b `c`"),))
    table = summary.markdown("app", Reference("u", "t", DIGEST), image)
    assert "| 0.0 MB | `RUN a \\| b 'c'` |" in table
    assert "1 layer." in table
