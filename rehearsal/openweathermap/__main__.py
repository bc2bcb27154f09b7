"""Run the stand-in, or tell a running one how to behave."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlsplit

from rehearsal.openweathermap import behaviour
from rehearsal.openweathermap.server import CONTROL, HOST, Server

STATE_FILE = "openweathermap.json"


def main(argv: list[str] | None = None) -> int:
    """Serve until SIGTERM or Ctrl-C; with ``--tell``, change the behaviour and return."""
    parser = argparse.ArgumentParser(
        prog="python -m rehearsal.openweathermap",
        description="A stand-in for OpenWeatherMap on 127.0.0.1. All its values are made up.",
        epilog="modes: " + "; ".join(f"{mode}: {text}" for mode, text in behaviour.MODES.items()),
    )
    parser.add_argument("--port", type=int, help="where it listens; 0 takes a free port")
    parser.add_argument("--state", type=Path, help=f"folder for {STATE_FILE}, which tells url and pid")
    parser.add_argument("--tell", choices=behaviour.MODES, help="how a running one is to behave from now on")
    parser.add_argument("--seconds", type=float, default=3.0, help="the delay of slow")
    arguments = parser.parse_args(argv)
    try:
        if arguments.port is None and not (arguments.tell and arguments.state):
            parser.error("--port is needed, or with --tell the --state of a running one")
        if arguments.tell:
            port = arguments.port or _port(arguments.state)
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


def _port(state: Path) -> int:
    """Where the running stand-in of a state folder listens."""
    url = json.loads((state / STATE_FILE).read_text())["url"]
    return urlsplit(url).port or 0


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
    print(f"OpenWeatherMap's stand-in is now {mode}: {behaviour.MODES[mode]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
