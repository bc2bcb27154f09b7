"""What an image is built from: a commit's files, the Dockerfile's final stage, locked requirements."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest

from gitops.errors import GitopsError
from gitops.images import source
from gitops.images.source import final_stage
from gitops.repository import Checkout
from tests.gitops.conftest import commit, write

TWO_STAGES = """\
ARG BASE=python:3.13-slim
FROM ${BASE} AS packages
WORKDIR /build
ENV SECRET_OF_THE_BUILD=1
CMD ["never"]
FROM ${BASE}
ARG COMMIT=unknown
ENV COMMIT=${COMMIT} PYTHONUNBUFFERED=1 \\
    GREETING="hello world"
WORKDIR /srv
WORKDIR app
USER 10001:10001
CMD ["gunicorn", "app:create_app()"]
"""


def test_only_the_final_stage_counts() -> None:
    stage = final_stage(TWO_STAGES, {"COMMIT": "abc"})
    assert stage.command == ("gunicorn", "app:create_app()")
    assert stage.entrypoint == ()
    assert stage.folder == "/srv/app"
    assert stage.user == "10001:10001"
    assert stage.environment == {"COMMIT": "abc", "PYTHONUNBUFFERED": "1", "GREETING": "hello world"}
    assert final_stage(TWO_STAGES + 'ENTRYPOINT ["python", "-m"]\n', {}).entrypoint == ("python", "-m")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("FROM x\nWORKDIR /app\n", "no CMD in exec form"),
        ("FROM x\nWORKDIR /app\nCMD gunicorn app\n", 'no CMD in exec form: "gunicorn app"'),
        ("FROM x\nWORKDIR /app\nCMD []\n", "no CMD in exec form"),
        ("FROM x\nWORKDIR /app\nENTRYPOINT app\nCMD []\n", "exec form"),
        ('FROM x\nCMD ["app"]\n', "no WORKDIR"),
        ("WORKDIR /app\n", "no FROM"),
        ("", "no FROM"),
    ],
)
def test_what_cannot_be_run_is_refused(text: str, problem: str) -> None:
    with pytest.raises(GitopsError, match=problem):
        final_stage(text, {})


def requirements(folder: Path, digest: str = "") -> Path:
    """A file that locks one package, to its own digest if none is given."""
    path = folder / "greeting-1.0-py3-none-any.whl"
    info = "greeting-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("greeting.py", "HELLO = 'hello'\n")
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: greeting\nVersion: 1.0\n")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", f"greeting.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")
    locked = folder / "requirements.txt"
    digest = digest or hashlib.sha256(path.read_bytes()).hexdigest()
    locked.write_text(f"greeting @ {path.as_uri()} --hash=sha256:{digest}\n")
    return locked


def test_packages_are_installed_once_per_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    locked = requirements(tmp_path)
    folder = source.installed(Checkout(tmp_path), locked)
    assert (folder / "greeting.py").exists()

    def again(*_: object) -> None:
        raise AssertionError("installed twice")

    monkeypatch.setattr(source, "_install", again)
    assert source.installed(Checkout(tmp_path), locked) == folder


def test_no_lock_and_another_content_than_the_locked_one_install_nothing(tmp_path: Path) -> None:
    with pytest.raises(GitopsError, match=r"no requirements\.txt"):
        source.installed(Checkout(tmp_path), tmp_path / "requirements.txt")
    with pytest.raises(GitopsError, match=r"(?i)hash mismatch"):
        source.installed(Checkout(tmp_path), requirements(tmp_path, "0" * 64))
    assert list((tmp_path / source.CACHE).iterdir()) == []


def test_a_service_is_written_as_the_commit_has_it(tmp_path: Path) -> None:
    write(tmp_path / "services/app/page.txt", "committed")
    revision = commit(tmp_path)
    write(tmp_path / "services/app/page.txt", "changed since")
    folder = source.unpack(Checkout(tmp_path), revision, "app", tmp_path / "into")
    assert (folder / "page.txt").read_text() == "committed"
    with pytest.raises(GitopsError, match="has no folder services/other"):
        source.unpack(Checkout(tmp_path), revision, "other", tmp_path / "into")
