"""The rehearsal command: AWS on this machine, and one commit shipped to it."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path

from gitops import Checkout, GitopsError
from rehearsal import DEFAULT_PORT


def main(argv: list[str] | None = None) -> int:
    """Run or stop the clone's rehearsal; every problem is one line and a non-zero exit code."""
    words = sys.argv[1:] if argv is None else argv
    arguments = _parser(words).parse_args(words)
    try:
        code = _run(Checkout.around(Path.cwd()), arguments)
        sys.stdout.flush()
    except GitopsError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print(
            "\ninterrupted: what runs keeps running; make rehearse goes on from here, make stop ends it",
            file=sys.stderr,
        )
        return 130
    except BrokenPipeError:
        # The reader (head, less) went away. Not 0: what could not go on has not succeeded.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    return code


def _run(checkout: Checkout, arguments: argparse.Namespace) -> int:
    # Imported when called: help, and stopping, wait for none of the rest.
    if arguments.command == "stop":
        from rehearsal.up import stop

        stop(checkout, _say)
        return 0
    if arguments.command == "workflow":
        from rehearsal.runner.command import workflow

        return workflow(checkout, arguments, _say)
    if arguments.command == "happen":
        from rehearsal.emulator.happenings import Told
        from rehearsal.happen import happen

        given = {name: getattr(arguments, name) for name in Told.__struct_fields__}
        return happen(checkout, Told(**given) if arguments.kind else None, _say)
    if arguments.command == "permissions":
        from rehearsal.permissions import permissions

        return permissions(checkout, _say, as_json=arguments.json)
    from rehearsal.run import run

    return run(
        checkout,
        environment=arguments.environment,
        services=[name for given in arguments.service for name in given.split(",") if name],
        commit=arguments.commit,
        port=arguments.port,
        runtime=arguments.runtime,
        say=_say,
    )


def _say(line: str) -> None:
    print(line, flush=True)


def _port(text: str) -> int:
    port = int(text)
    if not 1024 <= port <= 65534:
        raise argparse.ArgumentTypeError("choose a port from 1024 to 65534; those after it are used, too")
    return port


def _parser(words: list[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="rehearsal", description="AWS on this machine, with the real templates, roles and deploy code."
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    run = commands.add_parser("run", help="bring everything up (or go on with what runs) and ship a commit")
    run.add_argument("--commit", default="HEAD", help="what to ship (default: HEAD)")
    run.add_argument(
        "--service",
        action="append",
        default=[],
        metavar="NAME",
        help="ship this one, repeatable or with commas (default: every service of the environment)",
    )
    _where(run)
    workflow = commands.add_parser("workflow", help="run a workflow of HEAD with act against it (default: all of them)")
    if words[:1] == ["workflow"]:
        from rehearsal.runner import command

        command.add_arguments(workflow)
    _where(workflow)
    permissions = commands.add_parser("permissions", help="which permissions of each role its steps have not used")
    permissions.add_argument("--json", action="store_true", help="print it as JSON")
    happen = commands.add_parser("happen", help="have something happen that happens on AWS (without KIND: what can)")
    happen.add_argument("kind", metavar="KIND", nargs="?", help="one of those that it lists without one")
    happen.add_argument("--service", metavar="NAME", default="", help="in this ECS service alone")
    happen.add_argument("--operation", metavar="NAME", default="", help="of this call alone, as AWS names it")
    happen.add_argument("--times", type=int, metavar="N", help="so often (default: once)")
    happen.add_argument("--seconds", type=float, metavar="S", help="by so much (default: as on AWS)")
    commands.add_parser("stop", help="end it all and remove its containers and images")
    return parser


def _where(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--environment",
        metavar="NAME",
        help="an environment that stands on this machine (default: the only one with an aws_config_file)",
    )
    parser.add_argument(
        "--port",
        type=_port,
        default=None,
        help=f"the emulator's port; stand-ins take free ones after it (default: {DEFAULT_PORT}, or REHEARSAL_PORT)",
    )
    parser.add_argument(
        "--runtime",
        choices=["auto", "processes", "containers"],
        default=os.environ.get("REHEARSAL_RUNTIME", "auto"),
        help="run tasks as processes or as containers (default: containers where a Docker engine answers)",
    )
