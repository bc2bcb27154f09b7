from __future__ import annotations

import os
import time

import pytest

from rehearsal import proc

# Field 9 is the flags, field 22 the start in ticks.
LINE = "17 ({name}) S 2 0 0 0 -1 {flags} 0 0 0 0 0 0 0 0 20 0 1 0 4250 0 0"


@pytest.mark.parametrize("name", ["kworker/0:1", "a) S 1 (b", "two words"])
@pytest.mark.parametrize(("flags", "kernel"), [(69238880, True), (4194560, False)])
def test_a_line_is_read_whatever_the_program_is_called(name: str, flags: int, kernel: bool) -> None:
    assert proc.parsed(LINE.format(name=name, flags=flags), 100) == proc.Stat(kernel=kernel, started=42.5)


def test_this_process() -> None:
    found = proc.stat(os.getpid())
    assert found is not None
    assert not found.kernel
    assert 0 < found.started < time.clock_gettime(time.CLOCK_BOOTTIME)


def test_a_process_that_is_not_there() -> None:
    # The highest id that Linux gives is below 2**22.
    assert proc.stat(2**22 + 1) is None
