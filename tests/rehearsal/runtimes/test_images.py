"""Images by their digest as folders, each fetched once, and what becomes of their command."""

from __future__ import annotations

import io
import json
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import responses

from gitops.errors import GitopsError
from gitops.oci import sha256
from rehearsal.runtimes.images import UnpackedImage, UnpackedImages, image_command, look_up

PYTHON = (sys.executable, "-S", "-s")
BASE = "http://127.0.0.1:4566/v2/team/web"


def unpacked(tmp_path: Path, **config: Any) -> UnpackedImage:
    packages = tmp_path / "app/site-packages"
    for folder in ("bin", "module"):
        (packages / folder).mkdir(parents=True)
    (packages / "bin/scripted").write_text("#!/usr/bin/python3\n")
    (packages / "bin/native").write_text("\x7fELF")
    (packages / "module/__main__.py").write_text("")
    environment = ["PYTHONPATH=/app/site-packages:/elsewhere", "COMMIT=abc"]
    return UnpackedImage("sha256:1", tmp_path, {"WorkingDir": "/app", "Env": environment, **config})


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (["python", "web.py"], (*PYTHON, "web.py")),
        (["/usr/bin/python3", "web.py"], (*PYTHON, "web.py")),
        (["scripted", "-x"], (*PYTHON, "{root}/app/site-packages/bin/scripted", "-x")),
        (["native"], ("{root}/app/site-packages/bin/native",)),
        (["module", "app"], (*PYTHON, "-m", "module", "app")),
    ],
)
def test_what_a_command_becomes(tmp_path: Path, command: list[str], expected: tuple[str, ...]) -> None:
    made = image_command(unpacked(tmp_path, Cmd=command), None, {})
    assert made.arguments == tuple(word.format(root=tmp_path) for word in expected)
    assert made.folder == tmp_path / "app"


def test_the_images_paths_mean_the_unpacked_folder_and_nothing_else_is_inherited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a developer's own")
    made = image_command(unpacked(tmp_path, Cmd=["python"]), None, {"COMMIT": "def", "KEY": "hush"})
    assert made.environment["PYTHONPATH"] == f"{tmp_path}/app/site-packages:/elsewhere"
    assert made.environment["COMMIT"] == "def", "the task's own value wins"
    assert set(made.environment) == {"PATH", "PYTHONPATH", "COMMIT", "KEY"}


def test_the_tasks_command_wins_and_the_entrypoint_stays(tmp_path: Path) -> None:
    made = image_command(unpacked(tmp_path, Entrypoint=["python", "-u"], Cmd=["a.py"]), ["b.py"], {})
    assert made.arguments == (*PYTHON, "-u", "b.py")


def test_a_containers_own_entry_point_leaves_nothing_of_the_images_command(tmp_path: Path) -> None:
    image = unpacked(tmp_path, Entrypoint=["gunicorn"], Cmd=["web:app"])
    made = image_command(
        image, None, {}, {"entryPoint": ["python", "side.py"], "workingDirectory": "/app/site-packages"}
    )
    assert (made.arguments, made.folder) == ((*PYTHON, "side.py"), tmp_path / "app/site-packages")
    assert image_command(image, ["--once"], {}, {"entryPoint": ["python"]}).arguments == (*PYTHON, "--once")


def test_a_script_whose_python_has_a_long_path_is_run_by_python_too(tmp_path: Path) -> None:
    made = unpacked(tmp_path, Cmd=["long"], Env=["PYTHONPATH=/app/site-packages"])
    script = tmp_path / "app/site-packages/bin/long"
    script.parent.mkdir(parents=True, exist_ok=True)
    script.write_text("#!/bin/sh\n'''exec' '/gone/" + "x" * 200 + "/python' \"$0\" \"$@\"\n' '''\n")
    assert image_command(made, None, {}).arguments == (*PYTHON, str(script))


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ({}, "has no command"),
        ({"Cmd": ["missing-program"]}, "missing-program.*not found"),
        ({"Cmd": ["python"], "WorkingDir": "/nowhere"}, "working directory /nowhere does not exist in the image"),
    ],
)
def test_what_cannot_run_is_said(tmp_path: Path, config: dict[str, Any], problem: str) -> None:
    with pytest.raises(GitopsError, match=problem):
        image_command(unpacked(tmp_path, **config), None, {})


def layer(*members: tuple[str, str]) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for name, text in members:
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return content.getvalue()


@pytest.fixture
def registry() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


def serve(registry: responses.RequestsMock, *layers: bytes) -> str:
    """An image of these layers in a registry; its name."""
    config = b'{"config": {"Cmd": ["run"]}}'
    described = [{"digest": sha256(content), "size": len(content)} for content in layers]
    manifest = json.dumps({"config": {"digest": sha256(config)}, "layers": described}).encode()
    registry.get(f"{BASE}/manifests/{sha256(manifest)}", body=manifest)
    for content in (config, *layers):
        registry.get(f"{BASE}/blobs/{sha256(content)}", body=content)
    return f"127.0.0.1:4566/team/web:v1@{sha256(manifest)}"


def test_an_image_is_unpacked_once_and_asked_for_each_time(registry: responses.RequestsMock, tmp_path: Path) -> None:
    lower, upper = layer(("app/web.py", "print(1)"), ("app/old.py", "")), layer(("app/.wh.old.py", ""))
    image = serve(registry, lower, upper)
    images = UnpackedImages(tmp_path)
    first = images.pull(image, "token")
    asked = len(registry.calls)
    assert images.pull(image, "token") == first
    assert first.config == {"Cmd": ["run"]}
    assert (first.root / "app/web.py").read_text() == "print(1)"
    assert not (first.root / "app/old.py").exists(), "the second layer removed it"
    (again,) = registry.calls[asked:]
    url = str(again.request.url)
    assert "/manifests/" in url
    registry.replace(responses.GET, url, status=403)
    with pytest.raises(GitopsError, match=r"team/web:v1@sha256:\w+: the registry refused .* with 403"):
        images.pull(image, "another's")


@pytest.mark.parametrize(
    "content",
    [
        layer(("../outside", "x")),
        layer(("app/../../outside", "x")),
        # A whiteout that would remove what lies outside.
        layer(("../../../.wh.kept", "")),
        b"no archive",
    ],
    ids=["above", "above by a folder", "whiteout above", "no archive"],
)
def test_a_layer_cannot_reach_outside_and_leaves_nothing(
    registry: responses.RequestsMock, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "kept").write_text("")
    with pytest.raises(GitopsError, match="cannot be unpacked"):
        UnpackedImages(tmp_path / "images").pull(serve(registry, content), "token")
    assert sorted(tmp_path.rglob("*")) == [tmp_path / "images", tmp_path / "kept"]


@pytest.mark.parametrize(
    ("name", "version"),
    [("web", "latest"), ("team/web:v1", "v1"), ("team/web@DIGEST", "DIGEST"), ("team/web:v1@DIGEST", "DIGEST")],
)
def test_the_digest_wins_over_the_tag(registry: responses.RequestsMock, name: str, version: str) -> None:
    digest = sha256(b"{}")
    repository = name.partition(":")[0].partition("@")[0]
    path = f"http://127.0.0.1:4566/v2/{repository}/manifests/{version.replace('DIGEST', digest)}"
    registry.get(path, body=b"{}")
    _, found = look_up(f"127.0.0.1:4566/{name.replace('DIGEST', digest)}", "token")
    assert found == digest


@pytest.mark.parametrize(
    ("image", "problem"),
    [
        *[
            (image, f"{image} is not in the rehearsal's registry")
            for image in ("web", "python:3.13", "registry.example/web:v1", "127.0.0.1/web")
        ],
        ("127.0.0.1:1/web@sha256:1", "not an image reference"),
    ],
)
def test_an_image_of_another_registry_is_refused(image: str, problem: str) -> None:
    with pytest.raises(GitopsError, match=problem):
        look_up(image, "token")
