from __future__ import annotations

import subprocess
import sys

import pytest

from gitops.errors import GitopsError
from rehearsal.emulator import seams


def test_every_internal_of_ministack_that_is_used_is_where_it_was() -> None:
    # In a process of its own: importing ministack here would set up logging for all tests.
    script = "from rehearsal.emulator import seams; print('\\n'.join(seams.moved()))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert not done.stdout.strip(), "ministack has moved what the rehearsal replaces:\n" + done.stdout


def test_every_internal_that_is_used_is_held() -> None:
    command = [sys.executable, "-m", "tests.rehearsal.emulator.internals"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert not done.stdout.strip(), "add to rehearsal/emulator/seams.py:\n" + done.stdout


def test_another_version_of_ministack_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.metadata.version", lambda name: "1.6.0")
    with pytest.raises(GitopsError, match=r"ministack 1\.6\.0 is installed, the rehearsal needs exactly 1\.5\.33"):
        seams.require_version()
