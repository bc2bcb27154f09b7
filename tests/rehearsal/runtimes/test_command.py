from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from gitops.errors import GitopsError
from rehearsal.runtimes.command import image_command
from rehearsal.runtimes.unpacked import UnpackedImage

PYTHON = (sys.executable, "-S", "-s")


def image(tmp_path: Path, **config: Any) -> UnpackedImage:
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
    made = image_command(image(tmp_path, Cmd=command), None, {})
    assert made.arguments == tuple(word.format(root=tmp_path) for word in expected)
    assert made.folder == tmp_path / "app"


def test_the_images_paths_mean_the_unpacked_folder_and_nothing_else_is_inherited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a developer's own")
    made = image_command(image(tmp_path, Cmd=["python"]), None, {"COMMIT": "def", "KEY": "hush"})
    assert made.environment["PYTHONPATH"] == f"{tmp_path}/app/site-packages:/elsewhere"
    assert made.environment["COMMIT"] == "def", "the task's own value wins"
    assert set(made.environment) == {"PATH", "PYTHONPATH", "COMMIT", "KEY"}


def test_the_tasks_command_wins_and_the_entrypoint_stays(tmp_path: Path) -> None:
    made = image_command(image(tmp_path, Entrypoint=["python", "-u"], Cmd=["a.py"]), ["b.py"], {})
    assert made.arguments == (*PYTHON, "-u", "b.py")


def test_a_script_whose_python_has_a_long_path_is_run_by_python_too(tmp_path: Path) -> None:
    made = image(tmp_path, Cmd=["long"], Env=["PYTHONPATH=/app/site-packages"])
    script = tmp_path / "app/site-packages/bin/long"
    script.parent.mkdir(parents=True, exist_ok=True)
    script.write_text("#!/bin/sh\n'''exec' '/gone/" + "x" * 200 + "/python' \"$0\" \"$@\"\n' '''\n")
    assert image_command(made, None, {}).arguments == (*PYTHON, str(script))


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ({}, "has no command"),
        ({"Cmd": ["missing-program"]}, "missing-program.*not found"),
        ({"Cmd": ["python"], "WorkingDir": "/nowhere"}, "working directory /nowhere does not exist"),
    ],
)
def test_what_cannot_run_is_said(tmp_path: Path, config: dict[str, Any], problem: str) -> None:
    with pytest.raises(GitopsError, match=problem):
        image_command(image(tmp_path, **config), None, {})
