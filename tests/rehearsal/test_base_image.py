from __future__ import annotations

import tarfile
from pathlib import Path
from unittest.mock import Mock

import pytest
from docker.errors import DockerException, ImageNotFound

from gitops.errors import GitopsError
from gitops.repository import Checkout
from rehearsal import base_image
from tests.conftest import ROOT

DOCKERFILES = sorted((ROOT / "services").glob("*/Dockerfile"))


def engine_without_images() -> Mock:
    engine = Mock()
    engine.images.get.side_effect = ImageNotFound("none")
    return engine


@pytest.mark.parametrize("file", DOCKERFILES, ids=lambda file: file.parent.name)
def test_every_services_dockerfile_has_a_base(file: Path) -> None:
    assert base_image.default_base(file.read_text())


def test_the_dockerfiles_own_base_is_found() -> None:
    assert base_image.default_base("ARG BASE_IMAGE=python:3@sha256:1\nFROM ${BASE_IMAGE}\n") == "python:3@sha256:1"
    with pytest.raises(GitopsError, match="no ARG BASE_IMAGE"):
        base_image.default_base("FROM scratch\n")


def test_a_base_that_can_be_pulled_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = two_services(tmp_path, monkeypatch)
    assert base_image.build_settings(Checkout(tmp_path), tmp_path / "state", ["one", "two"], print) == {
        "FAIRWEATHER_BUILDER": "docker"
    }
    assert {call.args for call in engine.images.get.call_args_list} == {("python:3",), ("python:4",)}


def test_one_base_that_cannot_be_pulled_is_made_for_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = two_services(tmp_path, monkeypatch)
    engine.images.get.side_effect = lambda name: {"python:3": name}.get(name) or engine.images.missing()
    engine.images.missing.side_effect = ImageNotFound("none")
    engine.images.pull.side_effect = DockerException("no registry")
    monkeypatch.setattr(base_image, "debian_base", lambda *_: "debian")
    said: list[str] = []
    found = base_image.build_settings(Checkout(tmp_path), tmp_path / "state", ["one", "two"], said.append)
    assert found["FAIRWEATHER_BASE_IMAGE"] == "debian"
    assert said == ["the base image python:4 cannot be pulled here"]


def two_services(root: Path, monkeypatch: pytest.MonkeyPatch) -> Mock:
    for name, base in (("one", "python:3"), ("two", "python:4")):
        (root / "services" / name).mkdir(parents=True)
        (root / "services" / name / "Dockerfile").write_text(f"ARG BASE_IMAGE={base}\nFROM ${{BASE_IMAGE}}\n")
    engine = Mock()
    monkeypatch.setattr(base_image, "connect", lambda: engine)
    return engine


def test_without_root_or_debootstrap_the_way_out_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(GitopsError, match=r"needs root → run it as root, or use --runtime processes"):
        base_image.debian_base(engine_without_images(), tmp_path, print)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(GitopsError, match=r"not installed → apt-get install debootstrap"):
        base_image.debian_base(engine_without_images(), tmp_path, print)
    assert list(tmp_path.iterdir()) == [], "nothing half-made"


def test_a_failing_debootstrap_leaves_no_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "debootstrap").write_text("#!/bin/sh\necho 'E: Failed getting release file'\nexit 1\n")
    (tools / "debootstrap").chmod(0o755)
    monkeypatch.setenv("PATH", str(tools), prepend=":")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    with pytest.raises(GitopsError, match="debootstrap failed: E: Failed getting release file"):
        base_image.debian_base(engine_without_images(), tmp_path / "state", print)
    assert list((tmp_path / "state/cache").iterdir()) == []


def test_devices_do_not_go_into_the_archive() -> None:
    device, file = tarfile.TarInfo("dev/null"), tarfile.TarInfo("etc/hosts")
    device.type = tarfile.CHRTYPE
    assert base_image._no_devices(device) is None
    assert base_image._no_devices(file) is file
