from __future__ import annotations

from pathlib import Path

import pytest

from gitops.errors import GitopsError
from rehearsal import preflight


def test_a_full_disk_is_told_before_anything_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(preflight.DISK_BYTES, "processes", 10**18)
    with pytest.raises(GitopsError, match="GB are free on the disk"):
        preflight.require_disk(tmp_path, "processes")
