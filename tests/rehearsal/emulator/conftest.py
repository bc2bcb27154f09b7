from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gitops.repository import Checkout
from rehearsal import daemons
from rehearsal.emulator.happenings import Told
from rehearsal.happen import happen
from tests.rehearsal.emulator.account import Account, start

Tell = Callable[[Told], object]


@pytest.fixture(scope="session")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """An emulator for all tests of this folder, with IAM enforced and tasks as processes."""
    running = start(tmp_path_factory.mktemp("rehearsal"))
    yield running
    assert running.stop() == 0, running.log.read_text()


@pytest.fixture
def tell(account: Account, tmp_path: Path) -> Iterator[Tell]:
    """Has something happen in the emulator, where all is normal again after the test."""
    clone = Checkout(tmp_path)
    daemons.save(clone, daemons.State(port=account.port, runtime="processes"))
    yield lambda told: happen(clone, told, print)
    happen(clone, Told("normal"), print)
