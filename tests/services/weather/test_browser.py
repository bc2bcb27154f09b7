"""The page as a person sees it, in headless Chromium, with the stand-in as its upstream."""

from __future__ import annotations

import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from openweathermap import Server
from weather import create_app
from werkzeug.serving import make_server

from tests.services.weather.browser import look, picture


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The service on a free port, its weather from the stand-in."""
    stand_in = Server(0)
    monkeypatch.setenv("OPENWEATHER_API_KEY", "a-key")
    monkeypatch.setenv("OPENWEATHER_URL", f"http://127.0.0.1:{stand_in.server_address[1]}")
    service = make_server("127.0.0.1", 0, create_app(), threaded=True)
    threads = [threading.Thread(target=server.serve_forever) for server in (stand_in, service)]
    for thread in threads:
        thread.start()
    yield f"http://127.0.0.1:{service.server_port}/"
    for server in (service, stand_in):
        server.shutdown()
        server.server_close()
    for thread in threads:
        thread.join()


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
