from __future__ import annotations

import os
import socket

import pytest

from gitops.errors import GitopsError
from rehearsal import ports


def test_a_taken_port_is_named_with_its_process() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        with pytest.raises(GitopsError) as raised:
            ports.require_free(port, "emulator")
    assert f"port {port}, for the emulator, is taken by" in str(raised.value)
    assert f"(pid {os.getpid()})" in str(raised.value)


def test_a_free_port_passes() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    ports.require_free(port, "emulator")
