"""The stand-in, listening."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from rehearsal.openweathermap.server import Server


@pytest.fixture
def stand_in() -> Iterator[Server]:
    """On a free port, in a thread; behaves normally until told."""
    server = Server(0)
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01))
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()
