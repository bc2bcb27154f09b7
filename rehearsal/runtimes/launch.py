"""Becomes a task's command, in a process that ends with the emulator.

Run as ``python -I -S launch.py PARENT COMMAND…``. It stands apart from the
emulator because a fork of a threaded process may do little before exec.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
PR_SET_NO_NEW_PRIVS = 38


def main() -> None:
    """Ask the kernel for SIGTERM when the emulator dies, then exec the command."""
    parent, command = int(sys.argv[1]), sys.argv[2:]
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    # It may have died before the call above.
    if os.getppid() != parent:
        raise SystemExit(1)
    try:
        os.execvp(command[0], command)  # noqa: S606 (a task's command is run as it is)
    except OSError as error:
        print(f"exec {command[0]}: {error.strerror}", flush=True)
        # What a shell and Docker answer for a command that cannot be run.
        raise SystemExit(127) from None


main()
