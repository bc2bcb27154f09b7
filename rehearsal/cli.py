"""The rehearsal command: AWS on this machine, and one commit shipped to it."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from gitops.cli import find_root
from gitops.errors import GitopsError

DEFAULT_PORT = 4566


def main(argv: list[str] | None = None) -> int:
    """Run or stop the clone's rehearsal; every problem is one line and a non-zero exit code."""
    words = sys.argv[1:] if argv is None else argv
    arguments = _parser(words).parse_args(words)
    try:
        root = find_root(Path.cwd())
        if arguments.command == "stop":
            from rehearsal.stop import stop

            stop(root, _say)
            return 0
        if arguments.command == "workflow":
            from rehearsal.runner.command import workflow

            return workflow(root, arguments, _say)
        if arguments.command == "permissions":
            from rehearsal.permissions.command import permissions

            return permissions(root, arguments, _say)
        from rehearsal.run import run

        return run(root, commit=arguments.commit, port=arguments.port, runtime=arguments.runtime, say=_say)
    except GitopsError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print(
            "\ninterrupted: what runs keeps running; make rehearse goes on from here, make stop ends it",
            file=sys.stderr,
        )
        return 130


def _say(line: str) -> None:
    print(line, flush=True)


def _port(text: str) -> int:
    port = int(text)
    if not 1024 <= port <= 65534:
        raise argparse.ArgumentTypeError("choose a port from 1024 to 65534; the one after it is used, too")
    return port


def _parser(words: list[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="rehearsal", description="AWS on this machine, with the real templates, roles and deploy code."
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    run = commands.add_parser("run", help="bring everything up (or go on with what runs) and ship a commit")
    run.add_argument("--commit", default="HEAD", help="what to ship (default: HEAD)")
    _where(run)
    workflow = commands.add_parser("workflow", help="run a workflow of HEAD with act against it (default: all of them)")
    if words[:1] == ["workflow"]:
        from rehearsal.runner import command

        command.add_arguments(workflow)
    _where(workflow)
    permissions = commands.add_parser("permissions", help="which permissions of each role its steps have not used")
    permissions.add_argument("--json", action="store_true", help="print it as JSON")
    commands.add_parser("stop", help="end it all and remove its containers and images")
    return parser


def _where(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--port",
        type=_port,
        default=None,
        help=f"the emulator's port, the stand-in takes the next one (default: {DEFAULT_PORT}, or REHEARSAL_PORT)",
    )
    parser.add_argument(
        "--runtime",
        choices=["auto", "processes", "containers"],
        default=os.environ.get("REHEARSAL_RUNTIME", "auto"),
        help="run tasks as processes or as containers (default: containers where a Docker engine answers)",
    )
