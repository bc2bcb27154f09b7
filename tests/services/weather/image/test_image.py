"""The image: what is in it and what is not; run as the task definition says, it serves, may nothing, ends when told."""

from __future__ import annotations

import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from docker import DockerClient
from weather.config import LONGEST_DRAIN

from gitops.images import content
from gitops.repository import Checkout
from gitops.supply.scanners import locked
from tests.conftest import ROOT
from tests.services.weather.image.conftest import COMMIT, KEY, PLANTED, SERVICE, Running

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


LONG = 120  # seconds after which a hanging test gives up; no test waits for it
FORBIDDEN = ("/new", "/app/new", "/app/weather/new", "/opt/venv/new", "/etc/passwd", "/var/log/new")
TEMPORARY = ("/tmp/new", "/dev/shm/new")  # noqa: S108
WRITE = f"""
import errno, json
def tried(path):
    try:
        open(path, "w").close()
    except OSError as error:
        return errno.errorcode[error.errno]
    return "written"
print(json.dumps({{path: tried(path) for path in {FORBIDDEN + TEMPORARY}}}))
"""
PROCESSES = """
import json, pathlib
def status(path):
    lines = (line.partition(":") for line in path.read_text().splitlines())
    return {name: value.split() for name, _, value in lines}
print(json.dumps([status(path) for path in pathlib.Path("/proc").glob("[0-9]*/status")]))
"""
LIMITS = """
import json, pathlib, resource
def first(*paths):
    return next(p.read_text().split() for p in map(pathlib.Path, paths) if p.exists())
two = pathlib.Path("/sys/fs/cgroup/cgroup.controllers").exists()
quota, period = first("/sys/fs/cgroup/cpu.max") if two else (
    first("/sys/fs/cgroup/cpu/cpu.cfs_quota_us")[0], first("/sys/fs/cgroup/cpu/cpu.cfs_period_us")[0])
print(json.dumps({
    "memory": int(first("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")[0]),
    "cpus": int(quota) / int(period),
    "files": resource.getrlimit(resource.RLIMIT_NOFILE),
    "mounts": [line.split() for line in pathlib.Path("/proc/mounts").read_text().splitlines()],
}))
"""


def test_it_serves_the_page_and_its_health(task: Running) -> None:
    page = task.get("/")
    assert page.status_code == 200
    assert "London" in page.text
    assert task.get("/health").status_code == 200
    assert task.get("/static/style.css").status_code == 200
    ready = task.get("/ready")
    assert ready.status_code == 200
    assert COMMIT in ready.text
    assert KEY not in page.text + task.log()


def test_no_process_has_a_right_or_a_way_to_one(task: Running) -> None:
    found = task.python(PROCESSES)
    own = [one for one in found if one["Name"][0] != "docker-init"]
    assert any(one["Name"][0].startswith("gunicorn") for one in own)
    for one in found:
        assert set(one["Uid"]) == {task.definition["user"]}
        for held in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            assert int(one[held][0], 16) == 0, one["Name"]
    assert task.definition["linuxParameters"]["initProcessEnabled"] is True
    (first,) = [one for one in found if one["Pid"] == ["1"]]
    assert "init" in first["Name"][0] or "tini" in first["Name"][0]


def test_it_can_write_to_its_tmpfs_alone(task: Running) -> None:
    tried = task.python(WRITE)
    assert {path for path, result in tried.items() if result == "written"} == set(TEMPORARY)
    assert {tried[path] for path in FORBIDDEN} <= {"EROFS", "EACCES"}
    assert tried["/app/new"] == "EROFS"


def test_its_limits_are_the_definitions(task: Running, definition: Any) -> None:
    limits = task.python(LIMITS)
    assert limits["memory"] == int(definition["memory"]) * 1024 * 1024
    assert limits["cpus"] == int(definition["cpu"]) / 1024
    (files,) = task.definition["ulimits"]
    assert limits["files"] == [files["softLimit"], files["hardLimit"]]
    (mount,) = task.definition["linuxParameters"]["tmpfs"]
    (options,) = [entry[3].split(",") for entry in limits["mounts"] if entry[1] == mount["containerPath"]]
    assert set(options) >= {*mount["mountOptions"], f"size={mount['size'] * 1024}k"}


def test_it_does_not_even_try_to_write(started: Callable[..., Running]) -> None:
    """On a root that would let it: nothing has changed after it served."""
    # The engine itself puts its init into a container's root.
    running = started(read_only=False, init=False)
    for path in ("/", "/?city=Reykjav%C3%ADk", "/ready", "/nothing"):
        running.get(path)
    assert running.container.diff() in ([], None)


def test_sigterm_drains_and_ends_with_0(started: Callable[..., Running]) -> None:
    # The longest that it may: a quarter of a CPU is slow to answer.
    task = started({"DRAIN_SECONDS": f"{LONGEST_DRAIN:g}"})
    task.container.kill("SIGTERM")
    deadline = time.monotonic() + LONG
    while "serving on" not in task.log():
        assert time.monotonic() < deadline, task.log()
        time.sleep(0.05)
    # The balancer still routes here for a while.
    assert task.get("/health").status_code == 200
    assert task.container.wait(timeout=LONG)["StatusCode"] == 0, task.log()


def test_the_definitions_own_health_check_passes_inside(started: Callable[..., Running]) -> None:
    """Its command asks 127.0.0.1, where a Fargate task listens; here the service is put there as well."""
    running = started()
    kind, *words = running.definition["healthCheck"]["command"]
    assert kind == "CMD"
    address = running.url.removeprefix("http://")
    asked = [word.replace("127.0.0.1:8080", address) for word in words]
    assert asked != words
    assert running.container.exec_run(asked).exit_code == 0
    assert running.container.exec_run([word.replace("/health", "/nothing") for word in asked]).exit_code != 0
