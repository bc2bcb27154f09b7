"""What is in the image, and what is not."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest
from docker import DockerClient

from gitops.images import content
from gitops.repository import Checkout
from gitops.supply.scanners import locked
from tests.conftest import ROOT
from tests.services.weather.image.conftest import COMMIT, KEY, PLANTED, SERVICE

# What the Dockerfile adds to its base, unpacked: packages, the service, and the bytecode of both and of Python.
MOST_MEGABYTES = 45


@pytest.fixture
def archive(files: Path) -> Iterator[tarfile.TarFile]:
    with tarfile.open(files) as opened:
        yield opened


def test_the_configuration_is_the_dockerfiles(engine: DockerClient, image: str) -> None:
    found = engine.images.get(image).attrs["Config"]
    assert found["Cmd"] == ["gunicorn", "weather:create_app()"]
    assert found["Entrypoint"] is None
    assert found["User"].split(":")[0].isdigit()
    assert found["User"] != "0"
    assert f"COMMIT={COMMIT}" in found["Env"]
    assert found["Labels"]["org.opencontainers.image.revision"] == COMMIT
    assert KEY not in str(engine.images.get(image).history()) + str(engine.images.get(image).attrs)


def test_the_folder_holds_the_service_and_nothing_else(archive: tarfile.TarFile) -> None:
    source = ROOT / "services" / SERVICE
    wanted = {"gunicorn.conf.py"} | {
        path.relative_to(source).as_posix()
        for path in (source / SERVICE).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    there = {name.removeprefix("app/") for name in archive.getnames() if name.startswith("app/")}
    held = {name for name in there if archive.getmember(f"app/{name}").isfile() and "__pycache__" not in name}
    assert held == wanted >= {f"{SERVICE}/__init__.py"}


def test_nothing_that_lay_beside_it_is_in_it(archive: tarfile.TarFile) -> None:
    names = set(archive.getnames())
    assert not [name for name in names if PurePosixPath(name).name in {".git", ".env", "notes.txt", "stale.pyc"}]
    assert set(PLANTED) & {name.removeprefix("app/") for name in names} == set()
    secret = KEY.encode()
    for member in archive:
        if member.isfile() and member.name.startswith(("app/", "etc/", "root/", "tmp/", "home/", "build/")):
            file = archive.extractfile(member)
            assert file is not None
            assert secret not in file.read(), member.name


def test_no_program_lends_its_owners_rights(archive: tarfile.TarFile) -> None:
    assert [member.name for member in archive if member.isfile() and member.mode & 0o6000] == []


def test_the_service_cannot_change_its_own_files(archive: tarfile.TarFile) -> None:
    owned = [m for m in archive if m.name.startswith(("app/", "opt/venv/")) and not m.issym()]
    assert owned
    assert [m.name for m in owned if (m.uid, m.gid) != (0, 0) or m.mode & 0o022] == []


def test_every_module_has_its_bytecode(archive: tarfile.TarFile) -> None:
    names = set(archive.getnames())
    modules = [PurePosixPath(n) for n in names if n.startswith(("app/", "opt/venv/lib/")) and n.endswith(".py")]
    compiled = {name.rpartition(".cpython")[0] for name in names if name.endswith(".pyc")}
    without = [str(path) for path in modules if str(path.parent / "__pycache__" / path.stem) not in compiled]
    assert modules
    assert without == []


def test_its_packages_are_the_locked_ones(archive: tarfile.TarFile) -> None:
    """As the bill of materials reads them: nothing installed itself beside what the lock names, pip included."""
    found: dict[str, bytes] = {}
    content.apply(found, archive)
    venv = {path: file for path, file in found.items() if path.startswith("opt/venv/")}
    names = {package.name.lower().replace("_", "-") for package in content.contents(venv, {}).packages}
    assert names == locked(Checkout(ROOT), SERVICE)
    whole = content.contents(found, {})
    assert whole.distribution == "debian"
    assert {"libc6", "ca-certificates"} <= {one.name for one in whole.packages if one.kind == "debian"}


def test_what_it_adds_to_its_base_is_small(engine: DockerClient, image: str, base: str) -> None:
    below = len(engine.images.get(base).history())
    own = engine.images.get(image).history()[:-below]
    assert sum(layer["Size"] for layer in own) < MOST_MEGABYTES * 1_000_000
