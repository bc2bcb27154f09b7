"""A stand-in for OpenWeatherMap: the documented shapes, made-up values, and failures on demand.

``python services/weather/standin/openweathermap.py --port N --state DIR`` listens on 127.0.0.1 only and lets in the
key of OPENWEATHER_API_KEY. Tell a running one how to behave with ``--tell MODE --state DIR``. Standard library alone:
it must stay small.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import signal
import socket
import struct
import sys
import threading
import time
from dataclasses import asdict, dataclass
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from openweathermap_answers import answer, error

HOST = "127.0.0.1"
CONTROL = "/_behaviour"
SILENCE_SECONDS = 60.0  # silence ends at some time, or abandoned threads would pile up
LONGEST_CONTROL = 4096  # bytes
STATE_FILE = "openweathermap.json"

MODES = {
    "normal": "answers as documented",
    "slow": "answers after some seconds",
    "silent": "accepts the connection and never answers",
    "refused": "resets every connection",
    "limited": "429, the account's calls are used up",
    "broken": "500",
    "garbled": "200 with something that is not JSON",
}
LONGEST_SECONDS = 60.0
# What is answered to any question in a mode.
ALWAYS: dict[str, tuple[int, object]] = {
    "limited": (429, error(429, "Your account is temporary blocked.")),
    "broken": (500, error(500, "Internal server error")),
    "garbled": (200, "<html>this is not what was asked for"),
}


@dataclass(frozen=True)
class Behaviour:
    """One of MODES; ``seconds`` is the delay of ``slow``."""

    mode: str = "normal"
    seconds: float = 3.0


def parse(text: str | bytes) -> Behaviour:
    """The behaviour in a JSON text; ValueError saying what is wrong with it."""
    try:
        body: Any = json.loads(text)
    except ValueError:
        raise ValueError("the body is not JSON") from None
    if not isinstance(body, dict) or body.get("mode") not in tuple(MODES):
        raise ValueError(f"mode must be one of {', '.join(MODES)}")
    seconds = body.get("seconds", Behaviour.seconds)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not math.isfinite(seconds):
        raise ValueError("seconds must be a number")
    if not 0 <= seconds <= LONGEST_SECONDS:
        raise ValueError(f"seconds must be from 0 to {LONGEST_SECONDS:.0f}")
    return Behaviour(body["mode"], float(seconds))


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
        if how.mode in {"silent", "slow"}:
            changed.wait(SILENCE_SECONDS if how.mode == "silent" else how.seconds)
        if how.mode == "refused":
            # Lingering for zero seconds makes close() send RST instead of FIN.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        if how.mode in {"silent", "refused"}:
            self.close_connection = True
        else:
            always = ALWAYS.get(how.mode)
            self._send(*(always or answer(self.path, self.server.accepted_key, time.time())))

    def do_PUT(self) -> None:
        """Take a new behaviour."""
        length = self.headers.get("Content-Length", "")
        if self.path != CONTROL or not length.isdigit() or int(length) > LONGEST_CONTROL:
            self.close_connection = True
            self._send(404 if self.path != CONTROL else 400, {"message": f"PUT a short JSON to {CONTROL}"})
            return
        try:
            how = parse(self.rfile.read(int(length)))
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


def main(argv: list[str] | None = None) -> int:
    """Serve until SIGTERM or Ctrl-C; with ``--tell``, change the behaviour and return."""
    parser = argparse.ArgumentParser(
        description="A stand-in for OpenWeatherMap on 127.0.0.1. All its values are made up.",
        epilog="modes: " + "; ".join(f"{mode}: {text}" for mode, text in MODES.items()),
    )
    parser.add_argument("--port", type=int, help="where it listens; 0 takes a free port")
    parser.add_argument("--state", type=Path, help=f"folder for {STATE_FILE}, which tells url and pid")
    parser.add_argument("--tell", choices=MODES, help="how a running one is to behave from now on")
    parser.add_argument("--seconds", type=float, default=3.0, help="the delay of slow")
    arguments = parser.parse_args(argv)
    try:
        if arguments.port is None and not (arguments.tell and arguments.state):
            parser.error("--port is needed, or with --tell the --state of a running one")
        if arguments.tell:
            port = arguments.port or urlsplit(json.loads((arguments.state / STATE_FILE).read_text())["url"]).port
            return _tell(port, arguments.tell, arguments.seconds)
        return _serve(arguments.port, arguments.state)
    except FileNotFoundError as error:
        print(f"error: no stand-in runs here: there is no {error.filename}", file=sys.stderr)
        return 1
    except (OSError, OverflowError, HTTPException) as error:
        print(f"error: {HOST}:{arguments.port}: {error}", file=sys.stderr)
        return 1


def _serve(port: int, state: Path | None) -> int:
    server = Server(port, os.environ.get("OPENWEATHER_API_KEY") or None)
    file = state / STATE_FILE if state else None
    if file:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({"url": server.url, "pid": os.getpid()}) + "\n")

    def stop(_number: int, _frame: object) -> None:
        # shutdown() waits for serve_forever(), which this very thread runs.
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    print(f"stand-in for OpenWeatherMap (made-up values) listens on {server.url}", flush=True)
    try:
        server.serve_forever(poll_interval=0.2)
    finally:
        server.server_close()
        if file:
            file.unlink(missing_ok=True)
    return 0


def _tell(port: int, mode: str, seconds: float) -> int:
    connection = HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("PUT", CONTROL, json.dumps({"mode": mode, "seconds": seconds}))
        response = connection.getresponse()
        body = json.loads(response.read())
    except ValueError:
        raise HTTPException("whoever listens there is not the stand-in") from None
    finally:
        connection.close()
    if response.status != 200:
        print(f"error: {body.get('message', body)}", file=sys.stderr)
        return 1
    print(f"OpenWeatherMap's stand-in is now {mode}: {MODES[mode]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
