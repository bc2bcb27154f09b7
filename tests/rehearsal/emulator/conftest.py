from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.rehearsal.emulator.account import Account, start


@pytest.fixture(scope="session")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """An emulator for all tests of this folder, with IAM enforced and tasks as processes."""
    running = start(tmp_path_factory.mktemp("rehearsal"))
    yield running
    assert running.stop() == 0, running.log.read_text()
