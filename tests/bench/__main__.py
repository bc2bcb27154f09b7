"""``make bench``: what the main commands cost here and now, beside a baseline of the same run.

Nothing here passes or fails: timings on a shared machine are for reading.
``python -m tests.bench NAME...`` takes some of: render, service, verdicts, processes, containers.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from tests.bench.rehearse import rehearse
from tests.bench.render import render
from tests.bench.service import service
from tests.bench.verdicts import verdicts
from tests.conftest import engine_answers


def main() -> None:
    """Every measurement, or those named, one after the other."""
    jobs: dict[str, Callable[[], None]] = {
        "render": render,
        "service": service,
        "verdicts": verdicts,
        "processes": lambda: rehearse("processes", "60 s"),
    }
    if engine_answers():
        jobs["containers"] = lambda: rehearse("containers", "150 s")
    unknown = set(sys.argv[1:]) - jobs.keys()
    if unknown:
        sys.exit(f"not measured here: {', '.join(sorted(unknown))} (there are: {', '.join(jobs)})")
    for name, job in jobs.items():
        if name in sys.argv[1:] or len(sys.argv) == 1:
            job()


if __name__ == "__main__":
    main()
