"""The page in a real browser: what it shows, what it complains of, and a picture of it."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

# No background traffic: a test machine's network is closed, and each refused connection would be logged.
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--enable-logging=stderr",
]


@dataclass(frozen=True)
class Look:
    """What the browser made of a page."""

    document: str
    complaints: list[str]


def look(chromium: str, url: str, profile: Path) -> Look:
    """Load a page: its document after rendering, and every line of its console."""
    command = [chromium, *FLAGS, f"--user-data-dir={profile}", "--dump-dom", url]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return Look(done.stdout, re.findall(r"CONSOLE[^\n]*", done.stderr))


def picture(chromium: str, url: str, profile: Path, target: Path, size: tuple[int, int]) -> None:
    """A PNG of the page, ``size`` in pixels."""
    width, height = size
    command = [chromium, *FLAGS, f"--user-data-dir={profile}", f"--window-size={width},{height}"]
    command += [f"--screenshot={target}", url]
    subprocess.run(command, capture_output=True, check=True, timeout=60)
