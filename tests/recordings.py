"""``python -m tests.recordings``: makes the pictures of docs/operations.md anew, from a real terminal's output.

A good and a bad deploy in a rehearsal of its own; what they write to a terminal goes through a terminal
emulator, and what its screen shows becomes an SVG.
"""

from __future__ import annotations

import fcntl
import itertools
import os
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios
from pathlib import Path

import pyte
from rich.console import Console
from rich.style import Style
from rich.text import Text

from tests.conftest import ROOT
from tests.rehearsal.ship.clone import ENVIRONMENT, SERVICE
from tests.rehearsal.verdicts.bad import NEVER_HEALTHY
from tests.rehearsal.verdicts.shipped import Shipped, shipped

IMAGES = ROOT / "docs" / "images"
COLUMNS, LINES = 118, 60
# What pyte calls a colour that rich has another name for.
_COLOURS = {"brown": "yellow", "default": None}


def main() -> None:
    """Write the three pictures."""
    with (
        tempfile.TemporaryDirectory(prefix="fairweather-recordings-") as folder,
        shipped(Path(folder), "processes") as found,
    ):
        found.clone.change_the_page("and the wind")
        good = found.clone.commit("Show the wind")
        found.build(good)
        _, end = _record(found, good, "")
        _picture(end, f"gitops deploy {SERVICE} {ENVIRONMENT}: a good commit", IMAGES / "deploy-good.svg")
        with found.broken(NEVER_HEALTHY) as bad:
            during, end = _record(found, bad, "of 3 failures")
        _picture(during, f"gitops deploy {SERVICE} {ENVIRONMENT}: while it goes on", IMAGES / "deploy-live.svg")
        _picture(end, f"gitops deploy {SERVICE} {ENVIRONMENT}: a bad commit", IMAGES / "deploy-bad.svg")


def _record(found: Shipped, commit: str, moment: str) -> tuple[list[Text], list[Text]]:
    """The screen when ``moment`` stood on it first, and at the end."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    screen = pyte.Screen(COLUMNS, LINES)
    stream = pyte.ByteStream(screen)
    environment = {name: value for name, value in os.environ.items() if name not in ("CI", "NO_COLOR")}
    process = subprocess.Popen(
        [sys.executable, "-m", "gitops", "deploy", SERVICE, ENVIRONMENT, "--commit", commit],
        cwd=found.clone.path,
        env={**environment, "TERM": "xterm-256color"},
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    during: list[Text] = []
    while True:
        try:
            written = os.read(ours, 65536)
        except OSError:
            # Linux answers EIO once the last writer has closed its end.
            break
        if not written:
            break
        stream.feed(written)
        if moment and not during and any(moment in line for line in screen.display):
            during = _lines(screen)
    os.close(ours)
    process.wait()
    return during, _lines(screen)


def _lines(screen: pyte.Screen) -> list[Text]:
    lines = []
    for row in range(screen.lines):
        cells = [screen.buffer[row][column] for column in range(screen.columns)]
        line = Text()
        for (colour, bold), run in itertools.groupby(cells, lambda cell: (cell.fg, cell.bold)):
            line.append("".join(cell.data for cell in run), Style(color=_COLOURS.get(colour, colour), bold=bold))
        line.rstrip()
        lines.append(line)
    while lines and not lines[-1].plain:
        lines.pop()
    return lines


def _picture(lines: list[Text], title: str, path: Path) -> None:
    assert lines, f"{path.name}: the moment did not come"
    with Path(os.devnull).open("w") as nowhere:
        console = Console(record=True, width=COLUMNS, file=nowhere, force_terminal=True, color_system="truecolor")
        for line in lines:
            console.print(line, soft_wrap=True)
        picture = console.export_svg(title=title, unique_id=path.stem)
    # A picture in a repository loads nothing from elsewhere, and no line here is too long for its terminal.
    picture = re.sub(r"@font-face \{.*?\n    \}\n", "", picture, flags=re.DOTALL)
    picture = re.sub(
        r'<clipPath id="\S+-line-.*?</clipPath>\n?| clip-path="url\(#\S+-line-\d+\)"', "", picture, flags=re.DOTALL
    )
    picture = re.sub(r"<text[^>]*>\n</text>", "\n", picture)
    picture = picture.replace("Fira Code, monospace", "Fira Code, DejaVu Sans Mono, monospace")
    path.write_text("\n".join(line.rstrip() for line in picture.splitlines()) + "\n")
    print(path.relative_to(ROOT), flush=True)


if __name__ == "__main__":
    main()
