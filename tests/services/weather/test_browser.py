"""The page as a person sees it, in headless Chromium, with the stand-in as its upstream."""

from __future__ import annotations

import re
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from openweathermap import Server
from weather import create_app
from weather.config import Settings
from werkzeug.serving import make_server

from tests.emulators import serving

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


@pytest.fixture
def url(stand_in: Server) -> Iterator[str]:
    """The service on a free port, its weather from the stand-in."""
    app = create_app(Settings("a-key", stand_in.url))
    with serving(make_server("127.0.0.1", 0, app, threaded=True)) as service:
        yield f"http://127.0.0.1:{service.server_port}/"


def test_the_page_renders_without_a_complaint(chromium: str, url: str, tmp_path: Path) -> None:
    seen = look(chromium, f"{url}?city=Tokyo", tmp_path / "profile")
    assert "Tokyo" in seen.document
    assert "°" in seen.document
    # A style or image that the content security policy refuses would be told here.
    assert seen.complaints == []


def test_an_unknown_city_is_a_page_as_well(chromium: str, url: str, tmp_path: Path) -> None:
    seen = look(chromium, f"{url}?city=Atlantis", tmp_path / "profile")
    assert "Atlantis" in seen.document
    assert [line for line in seen.complaints if "Content Security Policy" in line] == []


def test_a_picture_has_colours_of_the_stylesheet(chromium: str, url: str, tmp_path: Path) -> None:
    with_style, without = tmp_path / "page.png", tmp_path / "blank.png"
    picture(chromium, url, tmp_path / "profile", with_style, (1200, 985))
    picture(chromium, "about:blank", tmp_path / "profile", without, (1200, 985))
    assert struct.unpack(">II", with_style.read_bytes()[16:24]) == (1200, 985)
    # PNG packs an empty page to almost nothing; text, a chart and a gradient do not.
    assert with_style.stat().st_size > 5 * without.stat().st_size
