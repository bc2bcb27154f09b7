"""What actions/download-artifact does, from a folder of the run."""

from __future__ import annotations

import fnmatch
import os
import shutil
import sys
from pathlib import Path


def main() -> int:
    """Exit code 1 for a name that nobody kept. A pattern that fits nothing is none, as with the real one."""
    name, pattern, merge = os.environ["NAME"], os.environ["PATTERN"], os.environ["MERGE"]
    if merge not in ("true", "false"):
        return _failed(f"merge-multiple: {merge}")
    store, to = Path(os.environ["REHEARSAL_ARTIFACTS"]), Path(os.environ["TO"])
    every = sorted(path.name for path in store.iterdir()) if store.is_dir() else []
    if name and name not in every:
        return _failed(f"no artifact {name} in this run (there are: {', '.join(every) or 'none'})")
    chosen = [name] if name else [one for one in every if fnmatch.fnmatchcase(one, pattern or "*")]
    to.mkdir(parents=True, exist_ok=True)
    for one in chosen:
        shutil.copytree(store / one, to if name or merge == "true" else to / one, dirs_exist_ok=True)
        print(f"brought {one}")
    if not chosen:
        print("no artifact fits")
    return 0


def _failed(message: str) -> int:
    print(f"::error title=download-artifact::{message}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
