"""What grows with the number of services: the checks of a copy that has fifty, one of them changed in a commit."""

from __future__ import annotations

import resource
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from gitops import environments
from gitops.newservice.service import make
from gitops.repository import DOCKERFILE, SERVICES, Checkout, entry
from tests.bench.timing import line, seconds
from tests.conftest import ROOT
from tests.rehearsal.ship import clone as clones

MANY = 50
CHANGED = "service-07"
# What make sets up, which a clone does not bring along.
SET_UP = (".venv", ".venv-checkov", ".tools")
GITOPS = (sys.executable, "-m", "gitops")


class Row(NamedTuple):
    """A verb's words, its bar, and the words of its baseline in the repository as it is."""

    words: tuple[str, ...]
    bar: str
    baseline: tuple[str, ...]


ROWS = (
    Row(("render", "--check"), "1 s", ("render", "--check")),
    Row(("diff", "--base", "HEAD^"), "2 s", ("diff", "--base", "HEAD")),
    # Their baseline is every stack of the repository.
    Row(("lint", "--base", "HEAD^"), "20 s", ("lint",)),
    Row(("policy", "--base", "HEAD^"), "20 s", ("policy",)),
    Row(("check", "--base", "HEAD^"), "180 s", ("check",)),
    Row(("check",), "120 s", ("check",)),
)


def many() -> None:
    """Print each verb in the copy, beside the same on the repository as it is."""
    with tempfile.TemporaryDirectory(prefix="fairweather-bench-") as folder:
        copy = generated(Path(folder) / "copy")
        known: dict[tuple[str, ...], float] = {}
        for words, bar, baseline in ROWS:
            name = f"gitops {' '.join(baseline)}, as it is"
            if baseline not in known:
                known[baseline], cpu = _cost(baseline, ROOT)
                line(name, known[baseline], "-", f"itself; {cpu:.2f} s of CPU", 1)
            value, cpu = _cost(words, copy)
            what = f"gitops {' '.join(words)}, {MANY} services"
            line(what, value, bar, f"as it is; {cpu:.2f} s of CPU", value / known[baseline])


def generated(path: Path) -> Path:
    """A clone of the repository with so many services, the same each time, and a commit that changes one of them."""
    clone = clones.make(path, 0, "processes")
    for name in SET_UP:
        (path / name).symlink_to(ROOT / name)
    (path / ".git/info/exclude").write_text("".join(f"{name}\n" for name in SET_UP))
    checkout = Checkout(path)
    for number in range(MANY - len(checkout.services())):
        make(checkout, f"service-{number:02}", f"/service-{number:02}/*", None)
    clone.commit("Many services")
    for name in environments.names(checkout):
        values = path / entry(name, CHANGED)
        values.write_text(f'{values.read_text()}  MaxTasks: "3"\n')
    with (path / SERVICES / CHANGED / DOCKERFILE).open("a") as dockerfile:
        dockerfile.write("# Changed.\n")
    clone.commit("Change one service")
    return path


def _cost(words: tuple[str, ...], root: Path) -> tuple[float, float]:
    """Seconds of wall time and of CPU, of the verb and all that it waits for."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    wall = seconds([*GITOPS, *words], root)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
