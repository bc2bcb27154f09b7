"""The stand-in's HTTP server, on 127.0.0.1 only. Standard library alone: it must stay small."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from rehearsal.openweathermap import behaviour, bodies, routes
from rehearsal.openweathermap.behaviour import Behaviour

HOST = "127.0.0.1"
CONTROL = "/_behaviour"
SILENCE_SECONDS = 60.0  # silence ends at some time, or abandoned threads would pile up
LONGEST_CONTROL = 4096  # bytes


class Server(ThreadingHTTPServer):
    """Holds the behaviour of the moment and counts the questions answered. ``port`` 0 takes a free one."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, port: int, accepted_key: str | None = None) -> None:
        self.accepted_key = accepted_key
        self.behaviour = Behaviour()
        self.questions = 0
        # Set when the behaviour changes or the server ends: whoever is slow or silent then gives up.
        self.changed = threading.Event()
        # Last: it listens from here on, and where it cannot it calls server_close.
        super().__init__((HOST, port), Handler)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{HOST}:{self.server_address[1]}"

    def behave(self, how: Behaviour) -> None:
        """Change the behaviour for every request from now on, and end the waits of the one before."""
        self.behaviour, before = how, self.changed
        self.changed = threading.Event()
        before.set()

    def server_close(self) -> None:
        """Stop listening and let nobody wait on."""
        self.changed.set()
        super().server_close()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no error of ours."""


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: Server
    # A kept-alive connection that asks nothing more gives its thread back.
    timeout = 90
    # Headers and body leave as one packet each: without this the second waits 40 ms for the first.
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Answer a question, or misbehave as told."""
        if self.path == CONTROL:
            self._send(200, {**asdict(self.server.behaviour), "questions": self.server.questions})
            return
        self.server.questions += 1
        how, changed = self.server.behaviour, self.server.changed
        match how.mode:
            case "silent":
                changed.wait(SILENCE_SECONDS)
                self.close_connection = True
                return
            case "refused":
                self._reset()
                return
            case "limited":
                self._send(429, bodies.error(429, "Your account is temporary blocked."))
                return
            case "broken":
                self._send(500, bodies.error(500, "Internal server error"))
                return
            case "garbled":
                self._send(200, "<html>this is not what was asked for")
                return
            case "slow":
                changed.wait(how.seconds)
        self._send(*routes.answer(self.path, self.server.accepted_key, time.time()))

    def do_PUT(self) -> None:
        """Take a new behaviour."""
        length = self.headers.get("Content-Length", "")
        if self.path != CONTROL or not length.isdigit() or int(length) > LONGEST_CONTROL:
            self.close_connection = True
            self._send(404 if self.path != CONTROL else 400, {"message": f"PUT a short JSON to {CONTROL}"})
            return
        try:
            how = behaviour.parse(self.rfile.read(int(length)))
        except ValueError as error:
            self._send(400, {"message": str(error)})
            return
        self.server.behave(how)
        self._send(200, asdict(how))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing: a request line holds the key."""

    def _send(self, status: int, body: object) -> None:
        data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html" if isinstance(body, str) else "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _reset(self) -> None:
        # Lingering for zero seconds makes close() send RST instead of FIN.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True
