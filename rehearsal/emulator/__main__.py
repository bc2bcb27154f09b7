"""``python -m rehearsal.emulator``: serve AWS on 127.0.0.1 until told to stop."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from gitops.errors import GitopsError
from rehearsal.emulator import server
from rehearsal.emulator.happenings import ROLLBACK, Told
from rehearsal.runtimes import NAMES


def main() -> int:
    """Read the command line and serve; one line and 1 when that is impossible."""
    parser = argparse.ArgumentParser(prog="python -m rehearsal.emulator", description=__doc__)
    parser.add_argument("--port", type=int, default=4566, help="port on 127.0.0.1 (default 4566)")
    parser.add_argument("--state", type=Path, default=Path(".rehearsal"), help="folder for images and logs")
    parser.add_argument("--runtime", choices=NAMES, default="processes", help="what a task runs as")
    parser.add_argument("--no-auth", action="store_true", help="let every caller do everything")
    parser.add_argument(
        "--late",
        type=float,
        default=os.environ.get("REHEARSAL_LATE", "0"),
        metavar="SECONDS",
        help="how far reads and lists lag behind (default: REHEARSAL_LATE, or 0)",
    )
    parser.add_argument(
        "--rollback",
        type=float,
        default=os.environ.get("REHEARSAL_ROLLBACK", str(ROLLBACK)),
        metavar="SECONDS",
        help=f"how long a rollback shows (default: REHEARSAL_ROLLBACK, or {ROLLBACK:g})",
    )
    arguments = parser.parse_args()
    for kind, seconds in (("late-answers", arguments.late), ("slow-rollback", arguments.rollback)):
        if problem := Told(kind, seconds=seconds).problem():
            parser.error(problem)
    settings = server.Settings(
        port=arguments.port,
        state=arguments.state.resolve(),
        runtime=arguments.runtime,
        auth=not arguments.no_auth,
        late=arguments.late,
        rollback=arguments.rollback,
    )
    try:
        server.run(settings)
    except GitopsError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    exit_code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # ministack's worker threads may still wait on a socket; they hold nothing worth waiting for.
    os._exit(exit_code)
