"""The wheel in an environment of its own, and another repository to work on with it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.conftest import ROOT, missing
from tests.installed import another

UV = str(Path(sys.executable).parent / "uv")
Gitops = Callable[..., subprocess.CompletedProcess[str]]


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
    done = _install(folder / "venv", str(wheel))
    if done.returncode and "error sending request" in done.stderr:
        missing("no package index answers", "the wheel is not installed here")
    assert done.returncode == 0, done.stderr
    return folder / "venv"


@pytest.fixture(scope="module")
def rehearsal(environment: Path, repository: Path) -> Iterator[Gitops]:
    """Run the installed rehearsal's command there, with what its extra brings; what it leaves running is ended."""
    (wheel,) = environment.parent.glob("*.whl")
    assert not _install(environment, f"{wheel}[rehearsal]").returncode
    run = partial(_run, environment, "rehearsal", repository)
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
    return partial(_run, environment, "gitops", repository)


def _install(environment: Path, what: str) -> subprocess.CompletedProcess[str]:
    # The versions that are tested here: what came out since is Dependabot's to try.
    words = [UV, "pip", "install", "--quiet", "--python", str(environment / "bin/python"), what]
    words += ["--constraint", str(ROOT / "requirements/dev.txt")]
    return subprocess.run(words, capture_output=True, text=True, check=False)


def _run(
    environment: Path, program: str, place: Path, *words: str, tools: bool = False
) -> subprocess.CompletedProcess[str]:
    """As a person does who has the environment's programs, those of the system, and the tools that are lent."""
    lent = (Path(UV).parent, ROOT / ".venv-checkov/bin") if tools else ()
    programs = (environment / "bin", *lent, "/usr/local/bin:/usr/bin:/bin")
    variables = {name: value for name, value in os.environ.items() if name not in {"CI", "PYTHONPATH"}}
    variables["PATH"] = os.pathsep.join(map(str, programs))
    command = [str(environment / "bin" / program), *words]
    return subprocess.run(command, cwd=place, env=variables, capture_output=True, text=True, check=False)
