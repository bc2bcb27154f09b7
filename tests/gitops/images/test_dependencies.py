"""Locked requirements, installed with their hashes checked, offline from a wheel made here."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest

from gitops.errors import GitopsError
from gitops.images import dependencies


def wheel(folder: Path) -> Path:
    path = folder / "greeting-1.0-py3-none-any.whl"
    info = "greeting-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("greeting.py", "HELLO = 'hello'\n")
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: greeting\nVersion: 1.0\n")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", f"greeting.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")
    return path


def requirements(folder: Path, digest: str) -> Path:
    path = folder / "requirements.txt"
    path.write_text(f"greeting @ {wheel(folder).as_uri()} --hash=sha256:{digest}\n")
    return path


def true_digest(folder: Path) -> str:
    return hashlib.sha256(wheel(folder).read_bytes()).hexdigest()


def test_packages_are_installed_once_per_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    locked = requirements(tmp_path, true_digest(tmp_path))
    folder = dependencies.installed(tmp_path, locked)
    assert (folder / "greeting.py").exists()

    def again(*_: object) -> None:
        raise AssertionError("installed twice")

    monkeypatch.setattr(dependencies, "_install", again)
    assert dependencies.installed(tmp_path, locked) == folder


def test_another_content_than_the_locked_one_installs_nothing(tmp_path: Path) -> None:
    with pytest.raises(GitopsError, match=r"(?i)hash mismatch"):
        dependencies.installed(tmp_path, requirements(tmp_path, "0" * 64))
    assert list((tmp_path / dependencies.CACHE).iterdir()) == []


def test_a_service_without_locked_requirements_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(GitopsError, match=r"no requirements\.txt"):
        dependencies.installed(tmp_path, tmp_path / "requirements.txt")
