"""Proves the version, then makes the job's environments out of the clone's, so that ``make setup`` has nothing to do.

Only where the job's locks are the clone's, byte for byte: for any other, ``make setup`` builds what they say.
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
from pathlib import Path

LOCKS = {".venv": ("dev.txt", "bootstrap.txt"), ".venv-checkov": ("checkov.txt",)}
# Installed in place, it would lead to the clone's code instead of the job's.
OURS = ("fairweather", "__editable__")


def main() -> int:
    """Exit code 1 for another version than the one asked for."""
    wanted, version = os.environ["WANTED"], platform.python_version()
    if version != wanted and not version.startswith(f"{wanted}."):
        print(f"Python {wanted} is asked for, the rehearsal runs {version}", file=sys.stderr)
        return 1
    with Path(os.environ["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as outputs:
        outputs.write(f"version={version}\n")
    lender, job = Path(os.environ["REHEARSAL_TOOLS"]), Path.cwd()
    for name, locks in LOCKS.items():
        if all(_same(lender, job, lock) for lock in locks) and (lender / name / ".done").exists():
            lend(lender / name, job / name, job)
            print(f"{name} is lent by {lender}: the locks are the same")
        else:
            print(f"{name} is not lent: the locks differ")
    # Each program carries its version in its name, so make installs another one beside it.
    (job / ".tools").mkdir(exist_ok=True)
    for program in (lender / ".tools").glob("*"):
        (job / ".tools" / program.name).symlink_to(program)
    return 0


def lend(source: Path, target: Path, job: Path) -> None:
    """An environment of its own that shares the packages of another, with the job's code in place of the clone's."""
    packages = next((source / "lib").glob("python3*/site-packages"))
    own = target / packages.relative_to(source)
    own.mkdir(parents=True)
    for entry in packages.iterdir():
        if not entry.name.lower().startswith(OURS):
            (own / entry.name).symlink_to(entry)
    (own / "job.pth").write_text(f"{job}\n")
    shutil.copy(source / "pyvenv.cfg", target)
    (target / "bin").mkdir()
    for entry in (source / "bin").iterdir():
        _command(entry, target / "bin" / entry.name, source, target)
    # Last, as make does, and newer than the locks that were just checked out.
    (target / ".done").touch()


def _command(entry: Path, own: Path, source: Path, target: Path) -> None:
    """A script starts the Python beside it; an interpreter or a binary is the same one."""
    with entry.open("rb") as file:
        script = file.read(2) == b"#!"
    if entry.is_symlink() or not script:
        own.symlink_to(entry.resolve() if entry.is_symlink() else entry)
        return
    own.write_bytes(entry.read_bytes().replace(str(source).encode(), str(target).encode()))
    own.chmod(entry.stat().st_mode)


def _same(lender: Path, job: Path, lock: str) -> bool:
    mine, theirs = (root / "requirements" / lock for root in (lender, job))
    return mine.is_file() and theirs.is_file() and mine.read_bytes() == theirs.read_bytes()


if __name__ == "__main__":
    sys.exit(main())
