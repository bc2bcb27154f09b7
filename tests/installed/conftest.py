"""The wheel in an environment of its own, and another repository to work on with it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT, missing
from tests.installed import another

UV = str(Path(sys.executable).parent / "uv")
Gitops = Callable[..., subprocess.CompletedProcess[str]]


def apart(environment: Path, *lent: Path) -> dict[str, str]:
    """The variables of a person who has the environment's programs, those of the system, and what is lent."""
    variables = {name: value for name, value in os.environ.items() if name not in {"CI", "PYTHONPATH"}}
    programs = (environment / "bin", *lent)
    variables["PATH"] = os.pathsep.join([*(str(folder) for folder in programs), "/usr/local/bin:/usr/bin:/bin"])
    return variables


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment that holds the wheel, what it declares, and nothing else."""
    folder = tmp_path_factory.mktemp("installed")
    # A copy: a build leaves its folder behind, and takes what an older one left.
    for name in ("gitops", "rehearsal"):
        shutil.copytree(ROOT / name, folder / "source" / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder / "source")
    build = [UV, "build", "--quiet", "--wheel", "--no-build-isolation", "--python", sys.executable]
    subprocess.run([*build, "--out-dir", str(folder), str(folder / "source")], check=True)
    (wheel,) = folder.glob("*.whl")
    subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, str(folder / "venv")], check=True)
    install = [UV, "pip", "install", "--quiet", "--python", str(folder / "venv/bin/python")]
    # The versions that are tested here: what came out since is Dependabot's to try.
    tested = ["--constraint", str(ROOT / "requirements/dev.txt")]
    done = subprocess.run([*install, *tested, str(wheel)], capture_output=True, text=True, check=False)
    if done.returncode and "error sending request" in done.stderr:
        missing("no package index answers", "the wheel is not installed here")
    assert done.returncode == 0, done.stderr
    return folder / "venv"


@pytest.fixture(scope="module")
def rehearsal(environment: Path, repository: Path) -> Iterator[Gitops]:
    """Run the installed rehearsal's command there, with what its extra brings; what it leaves running is ended."""
    (wheel,) = environment.parent.glob("*.whl")
    install = [UV, "pip", "install", "--quiet", "--python", str(environment / "bin/python")]
    tested = ["--constraint", str(ROOT / "requirements/dev.txt")]
    subprocess.run([*install, *tested, f"{wheel}[rehearsal]"], check=True)

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [str(environment / "bin/rehearsal"), *words]
        return subprocess.run(
            command, cwd=repository, env=apart(environment), capture_output=True, text=True, check=False
        )

    yield run
    run("stop")


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The other repository, committed once and not yet rendered."""
    folder = tmp_path_factory.mktemp("another")
    another.write(folder)
    return folder


@pytest.fixture(scope="module")
def gitops(environment: Path, repository: Path) -> Gitops:
    """Run the installed command in the other repository; ``tools`` lends it the checkers of this one."""

    def run(*words: str, tools: bool = False) -> subprocess.CompletedProcess[str]:
        lent = (Path(UV).parent, ROOT / ".venv-checkov/bin") if tools else ()
        command = [str(environment / "bin/gitops"), *words]
        variables = apart(environment, *lent)
        return subprocess.run(command, cwd=repository, env=variables, capture_output=True, text=True, check=False)

    return run
