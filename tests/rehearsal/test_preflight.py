from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from gitops.errors import GitopsError
from rehearsal import preflight


def test_a_taken_port_is_named_with_its_process() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        with pytest.raises(GitopsError) as raised:
            preflight.require_free_port(port, "emulator")
    assert f"port {port}, for the emulator, is taken by" in str(raised.value)
    assert f"(pid {os.getpid()})" in str(raised.value)


def test_a_free_port_passes() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    preflight.require_free_port(port, "emulator")


def test_a_full_disk_is_told_before_anything_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(preflight.DISK_BYTES, "processes", 10**18)
    with pytest.raises(GitopsError, match="GB are free on the disk"):
        preflight.require_disk(tmp_path, "processes")
