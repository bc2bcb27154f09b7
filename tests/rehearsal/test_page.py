from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from rehearsal.page import Page, fetch, problem, text_of


@pytest.mark.parametrize(
    ("status", "text", "shows", "expected"),
    [
        (200, "<h1>Hello</h1>", [], ""),
        (200, "<h1>Hello</h1><p>8 of&nbsp;9</p>", ["Hello", "8 of 9"], ""),
        (200, "<h1>Hello</h1><p><b>8</b>\n of 9</p>", ["8 of 9"], ""),
        # The end of another number, or of another word, is not what was looked for.
        (200, "<p>18 of 9</p>", ["8 of 9"], "the page does not show 8 of 9"),
        (200, "<p>Othello</p>", ["ello"], "the page does not show ello"),
        (200, "<h1>Hello</h1>", ["Hello", "you"], "the page does not show you"),
        # What is looked for is no pattern.
        (200, "<h1>Hello</h1>", ["H.llo"], "the page does not show H.llo"),
        (503, "<h1>Hello</h1>", ["Hello"], "the page answered 503, not 200"),
    ],
)
def test_a_page_has_to_show_what_its_entry_says(status: int, text: str, shows: list[str], expected: str) -> None:
    assert problem(Page(status, text, 1.0), shows) == expected


def test_text_is_what_a_reader_sees() -> None:
    assert text_of("<p>a &amp;\n <b>b</b></p>") == "a & b"


class Redirects(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        to = {
            "/app": f"http://{self.headers['Host']}/app/?a=b",
            "/out": "https://elsewhere.example/",
            "/round": "/round",
        }
        self.send_response(302 if self.path in to else 200)
        if self.path in to:
            self.send_header("Location", to[self.path])
        self.end_headers()
        self.wfile.write(f"{self.headers['Host']} {self.path}".encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (http.server's name)
        """Stay silent."""


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        ("/app/", 200, "NAME /app/"),
        # To another path of the same load balancer, whose name no resolver need know.
        ("/app", 200, "NAME /app/?a=b"),
        # Neither this machine's affair nor a page.
        ("/out", 302, "NAME /out"),
        ("/round", 302, "NAME /round"),
    ],
)
def test_a_redirect_is_followed_where_it_stays_here(path: str, status: int, text: str) -> None:
    with HTTPServer(("127.0.0.1", 0), Redirects) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            found = fetch(f"http://app.alb.localhost:{server.server_port}/", server.server_port, path)
        finally:
            server.shutdown()
            thread.join()
    assert (found.status, found.text) == (status, text.replace("NAME", f"app.alb.localhost:{server.server_port}"))
