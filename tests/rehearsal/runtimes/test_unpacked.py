from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from gitops.errors import GitopsError
from rehearsal.runtimes.registry import Registry
from rehearsal.runtimes.unpacked import UnpackedImages

DIGEST = f"sha256:{'a' * 64}"
IMAGE = f"127.0.0.1:4566/team/web:v1@{DIGEST}"


def layer(*members: tuple[str, str]) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for name, text in members:
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return content.getvalue()


class Blobs:
    """A registry with one image; counts what is fetched."""

    def __init__(self, *layers: bytes) -> None:
        self.blobs = {"config": b'{"config": {"Cmd": ["run"]}}', **{str(n): b for n, b in enumerate(layers)}}
        self.fetched: list[str] = []

    def manifest(self, _: Registry) -> tuple[str, dict[str, object]]:
        layers = [{"digest": name} for name in self.blobs if name != "config"]
        return DIGEST, {"config": {"digest": "config"}, "layers": layers}

    def blob(self, _: Registry, digest: str) -> bytes:
        self.fetched.append(digest)
        return self.blobs[digest]

    def serve(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Registry, "manifest", lambda registry: self.manifest(registry))
        monkeypatch.setattr(Registry, "blob", lambda registry, digest: self.blob(registry, digest))


def test_an_image_is_unpacked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blobs = Blobs(layer(("app/web.py", "print(1)"), ("app/old.py", "")), layer(("app/.wh.old.py", "")))
    blobs.serve(monkeypatch)
    images = UnpackedImages(tmp_path)
    first, second = images.pull(IMAGE, "token"), images.pull(IMAGE, "token")
    assert first == second
    assert first.config == {"Cmd": ["run"]}
    assert (first.root / "app/web.py").read_text() == "print(1)"
    assert not (first.root / "app/old.py").exists(), "the second layer removed it"
    assert blobs.fetched == ["config", "0", "1"]


@pytest.mark.parametrize("name", ["../outside", "app/../../outside"])
def test_a_layer_cannot_write_outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    Blobs(layer((name, "x"))).serve(monkeypatch)
    with pytest.raises(GitopsError, match="cannot be unpacked"):
        UnpackedImages(tmp_path / "images").pull(IMAGE, "token")
    assert list(tmp_path.rglob("*")) == [tmp_path / "images"]


def test_a_whiteout_cannot_remove_outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = tmp_path / "kept"
    kept.write_text("")
    Blobs(layer(("../../../.wh.kept", ""))).serve(monkeypatch)
    with pytest.raises(GitopsError, match="cannot be unpacked"):
        UnpackedImages(tmp_path / "images").pull(IMAGE, "token")
    assert kept.exists()


def test_what_is_no_archive_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Blobs(b"no archive").serve(monkeypatch)
    with pytest.raises(GitopsError, match="cannot be unpacked"):
        UnpackedImages(tmp_path).pull(IMAGE, "token")
    assert list(tmp_path.iterdir()) == []


def test_an_image_of_another_registry_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GitopsError, match=r"python:3\.13 is not in the rehearsal's registry"):
        UnpackedImages(tmp_path).pull("python:3.13", "token")
