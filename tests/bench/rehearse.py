"""A newcomer's first ``make rehearse`` and the next one, beside a bare ``python -m venv``."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.bench.timing import line, seconds
from tests.emulators import free_ports
from tests.rehearsal.ship import clone as clones


def rehearse(runtime: str, bar: str) -> None:
    """Print all three, with tasks as ``runtime``; ``bar`` is what the first one should stay under."""
    folder = Path(tempfile.mkdtemp(prefix="fairweather-bench-"))
    clone = clones.make(folder / "clone", free_ports(), runtime)
    words = ["make", "rehearse", f"PORT={clone.port}", f"RUNTIME={runtime}"]
    try:
        baseline = seconds(["python3", "-m", "venv", str(folder / "venv")], folder)
        line("python3 -m venv", baseline, "-", "itself", 1)
        first = seconds(words, clone.path)
        line(f"make rehearse, first, as {runtime}", first, bar, "python3 -m venv", first / baseline)
        clone.change_the_page("another commit")
        clone.commit("Another commit")
        again = seconds(words, clone.path)
        line(f"make rehearse, another commit, as {runtime}", again, "15 s", "the first", again / first)
        output = subprocess.run(words, cwd=clone.path, check=True, capture_output=True, text=True).stdout
        print(next((row for row in output.splitlines() if row.startswith("memory:")), "memory: not said"))
    finally:
        subprocess.run(["make", "stop"], cwd=clone.path, check=True, capture_output=True)
        shutil.rmtree(folder)
