"""What actions/upload-artifact does, into a folder of the run."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

# What the real one refuses in a name (github.com/actions/toolkit, artifact's path-and-artifact-name-validation).
REFUSED = re.compile(r'[":<>|*?\r\n\\/]')


def main() -> int:
    """Exit code 1 for a name that is taken or refused, and for what is not there when that is an error."""
    name, source, if_none = os.environ["NAME"], Path(os.environ["FROM"]), os.environ["IF_NONE"]
    if REFUSED.search(name) or not name:
        return _failed(f"an artifact cannot be called {name!r}")
    if if_none not in ("warn", "error", "ignore"):
        return _failed(f"if-no-files-found: {if_none}")
    if not os.environ["DAYS"].isdigit():
        return _failed(f"retention-days: {os.environ['DAYS']}")
    target = Path(os.environ["REHEARSAL_ARTIFACTS"]) / name
    if target.exists():
        return _failed(f"this run has an artifact {name} already")
    if not source.exists():
        if if_none == "error":
            return _failed(f"no files were found at {source}")
        print(f"{'' if if_none == 'ignore' else '::warning::'}no files were found at {source}")
        return 0
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        target.mkdir(parents=True)
        shutil.copy(source, target)
    print(f"kept {source} as {name}")
    return 0


def _failed(message: str) -> int:
    print(f"::error title=upload-artifact::{message}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
