from __future__ import annotations

import tarfile
from pathlib import Path
from unittest.mock import Mock

import pytest
from docker.errors import ImageNotFound

from gitops.errors import GitopsError
from rehearsal import base_image

SERVICE = Path(__file__).parents[2] / "services/weather/Dockerfile"


def engine_without_images() -> Mock:
    engine = Mock()
    engine.images.get.side_effect = ImageNotFound("none")
    return engine


def test_the_dockerfiles_own_base_is_found() -> None:
    assert base_image.default_base(SERVICE.read_text()).startswith("python:")
    with pytest.raises(GitopsError, match="no ARG BASE_IMAGE"):
        base_image.default_base("FROM scratch\n")


def test_a_base_that_can_be_pulled_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "services/weather"
    folder.mkdir(parents=True)
    (folder / "Dockerfile").write_text("ARG BASE_IMAGE=python:3\nFROM ${BASE_IMAGE}\n")
    monkeypatch.setattr(base_image, "connect", Mock)
    settings = base_image.build_settings(tmp_path, tmp_path / "state", "weather", print)
    assert settings == {"FAIRWEATHER_BUILDER": "docker"}


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
