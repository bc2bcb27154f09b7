"""A small OSV on loopback: it answers for the packages it was told of and counts what it was asked."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Osv(ThreadingHTTPServer):
    """``advisories`` by package name; ``answer`` replaces every answer, ``status`` its status."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.advisories: dict[str, list[dict[str, Any]]] = {}
        self.asked: list[tuple[str, str]] = []
        self.status, self.answer = 200, ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1/query"


class _Handler(BaseHTTPRequestHandler):
    server: Osv

    def do_POST(self) -> None:
        query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name = query["package"]["name"]
        self.server.asked.append((name, query["version"]))
        found = self.server.advisories.get(name, [])
        body = (self.server.answer or json.dumps({"vulns": found} if found else {})).encode()
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


def advisory(name: str, identifier: str = "GHSA-1", fixed: str = "2.0", **fields: Any) -> dict[str, Any]:
    """One as ossf.github.io/osv-schema describes it."""
    events = [{"introduced": "0"}, {"fixed": fixed}]
    affected = {"package": {"name": name, "ecosystem": "PyPI"}, "ranges": [{"type": "ECOSYSTEM", "events": events}]}
    entry = {"id": identifier, "aliases": ["CVE-2026-1"], "summary": "bad", "affected": [affected]}
    return entry | fields
