"""``make bench``: what the main commands cost here and now, beside a baseline of the same run.

Nothing here passes or fails: timings on a shared machine are for reading.
``python -m tests.bench NAME...`` takes some of: render, many, verdicts, processes,
containers, and the packages of services that have measurements of their own.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from functools import partial

from tests.bench.many import many
from tests.bench.rehearse import rehearse
from tests.bench.timing import line, median
from tests.bench.verdicts import verdicts
from tests.conftest import ROOT, engine_answers

# Their packages, which say themselves what of them is measured, and against what.
OF_SERVICES = sorted(path.parts[-3] for path in (ROOT / "tests/services").glob("*/bench/measure.py"))


def render() -> None:
    """``gitops render --check`` beside the bare import of boto3, which it avoids."""
    baseline = median([sys.executable, "-c", "import boto3"], ROOT)
    line("python -c 'import boto3'", baseline, "-", "itself", 1)
    value = median([sys.executable, "-m", "gitops", "render", "--check"], ROOT)
    line("gitops render --check", value, "0.3 s", "import boto3", value / baseline)


def measured(package: str) -> None:
    """Print what a service measures of its own."""
    importlib.import_module(f"tests.services.{package}.bench.measure").measure()


def main() -> None:
    """Every measurement, or those named, one after the other."""
    jobs: dict[str, Callable[[], None]] = {
        "render": render,
        "many": many,
        **{name: partial(measured, name) for name in OF_SERVICES},
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
