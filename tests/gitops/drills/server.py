"""What drills are held against here: an environment in AWS, and a small HTTP server that answers as a test tells it."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import msgspec
import yaml

from gitops.environments import Environment
from tests.emulators import serving
from tests.gitops.conftest import ENVIRONMENT

DEMO = msgspec.convert(yaml.safe_load(ENVIRONMENT.format(name="staging", account="1" * 12)), Environment)
SERVICE = "app"

Behaviour = Callable[[int], int]
RESET = 0


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 512


@contextmanager
def server(behave: Behaviour) -> Iterator[tuple[str, list[str]]]:
    """Its URL and the Host headers it got; ``behave`` gives the n-th request's status, or RESET."""
    hosts: list[str] = []
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            with lock:
                hosts.append(self.headers["Host"])
                number = len(hosts)
            status = behave(number)
            if status == RESET:
                # Lingering for zero seconds makes close() send RST instead of FIN.
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.close_connection = True
                return
            self.send_response(status)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    with serving(_Server(("127.0.0.1", 0), Handler)) as found:
        yield f"http://app.alb.localhost:{found.server_port}/", hosts
