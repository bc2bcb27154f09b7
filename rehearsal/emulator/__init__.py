"""AWS on this machine: ministack with what it lacks, IAM enforced, tasks that really run.

``python -m rehearsal.emulator --port 4566 --state .rehearsal --runtime processes``
serves every AWS API on 127.0.0.1 in the foreground until SIGTERM or Ctrl-C.

A room per AWS service; ``seams`` alone assigns into ministack. Account and region of a call are those that it is
signed for, and the registry has both in its addresses: any number of them live side by side.

Who may do what: the two administrator constants are ministack's root keys (so is
every 12-digit access key with this secret), which no policy limits. Every other
caller is a role assumed with a web identity token and held to its policies.
"""

from __future__ import annotations

from typing import Final

ADMINISTRATOR_ACCESS_KEY_ID: Final = "test"
# Not a secret: it opens nothing but an emulator on the loopback address.
ADMINISTRATOR_SECRET_ACCESS_KEY: Final = "test"  # noqa: S105
# Access key and secret of the root of the account, whom no policy limits.
ADMINISTRATOR: Final = (ADMINISTRATOR_ACCESS_KEY_ID, ADMINISTRATOR_SECRET_ACCESS_KEY)
# Where the emulator answers which role was allowed what, and by which statement.
USED_PERMISSIONS: Final = "/_rehearsal/permissions"
