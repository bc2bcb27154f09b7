"""Packed images: the same commit gives the same digest, whatever the machine left beside it."""

from __future__ import annotations

import io
import json
import os
import tarfile
from pathlib import Path

from gitops.images.pack import BUILDER_LABEL, pack
from gitops.oci import sha256

COMMIT = "1" * 40
COMMITTED = 1_750_000_000
DOCKERFILE = """\
FROM python:3.13-slim
ARG COMMIT=unknown
ENV COMMIT=${COMMIT} PATH=/opt/venv/bin:/usr/bin PYTHONUNBUFFERED=1
WORKDIR /app
USER 10001:10001
CMD ["gunicorn", "app:create_app()"]
"""


def service(folder: Path, *, reverse: bool = False) -> tuple[Path, Path]:
    """A service's files and its packages, written in either order."""
    source, packages = folder / "source", folder / "packages"
    files = {
        source / "Dockerfile": DOCKERFILE,
        source / "app/__init__.py": "def create_app(): ...\n",
        source / "app/templates/page.html": "<p>hello</p>\n",
        packages / "gunicorn/__init__.py": "",
        packages / "bin/gunicorn": f"#!{folder}/bin/python\nprint('gunicorn')\n",
    }
    for path, content in sorted(files.items(), reverse=reverse):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    (packages / "bin/gunicorn").chmod(0o755)
    return source, packages


def test_the_same_commit_gives_the_same_digest_and_another_file_or_commit_another(tmp_path: Path) -> None:
    one = service(tmp_path / "one")
    two = service(tmp_path / "two", reverse=True)
    # What an interpreter and an installer leave behind, other times, another umask.
    (two[1] / "gunicorn/__pycache__").mkdir()
    (two[1] / "gunicorn/__pycache__/x.pyc").write_bytes(b"bytecode")
    (two[1] / ".lock").touch()
    os.utime(two[0] / "Dockerfile", (1, 1))
    (two[0] / "app/__init__.py").chmod(0o600)
    first, second = pack(*one, COMMIT, COMMITTED), pack(*two, COMMIT, COMMITTED)
    assert first.layer.digest == second.layer.digest
    assert first.manifest == second.manifest
    assert pack(*one, "2" * 40, COMMITTED).manifest["config"] != first.manifest["config"]
    (one[0] / "app/__init__.py").write_text("changed\n")
    assert pack(*one, COMMIT, COMMITTED).layer.digest != first.layer.digest


def test_the_layer_holds_the_files_where_the_dockerfile_works(tmp_path: Path) -> None:
    packed = pack(*service(tmp_path), COMMIT, COMMITTED)
    with tarfile.open(fileobj=io.BytesIO(packed.layer.content)) as archive:
        found = {member.name: member for member in archive}
        script = archive.extractfile("app/site-packages/bin/gunicorn")
        assert script is not None
        # No path of the build machine is in it.
        assert script.read() == b"#!/usr/bin/env python3\nprint('gunicorn')\n"
    files = {name for name, member in found.items() if member.isfile()}
    assert files == {
        "app/Dockerfile",
        "app/app/__init__.py",
        "app/app/templates/page.html",
        "app/site-packages/bin/gunicorn",
        "app/site-packages/gunicorn/__init__.py",
    }
    assert {(member.uid, member.gid, member.mtime) for member in found.values()} == {(0, 0, COMMITTED)}
    assert found["app/site-packages/bin/gunicorn"].mode == 0o755
    assert found["app/app/__init__.py"].mode == 0o644


def test_the_configuration_is_the_dockerfiles_own_and_the_manifest_names_what_is_pushed(tmp_path: Path) -> None:
    packed = pack(*service(tmp_path), COMMIT, COMMITTED)
    settings = json.loads(packed.config)["config"]
    assert settings["Cmd"] == ["gunicorn", "app:create_app()"]
    assert (settings["WorkingDir"], settings["User"]) == ("/app", "10001:10001")
    assert settings["Labels"][BUILDER_LABEL] == "pack"
    environment = dict(entry.split("=", 1) for entry in settings["Env"])
    assert environment.pop("PATH").startswith("/app/site-packages/bin:")
    assert environment == {"COMMIT": COMMIT, "PYTHONUNBUFFERED": "1", "PYTHONPATH": "/app/site-packages"}
    (described,) = packed.manifest["layers"]
    assert described["digest"] == sha256(packed.layer.content)
    assert described["size"] == len(packed.layer.content)
    assert packed.manifest["config"]["digest"] == sha256(packed.config)
    assert json.loads(packed.config)["rootfs"]["diff_ids"] == [packed.layer.diff_id]
