"""gitops drift: whether what runs in an environment is still what git says."""

from __future__ import annotations

import argparse

import msgspec

from gitops import aws, environments, github
from gitops.arguments import environment_argument, json_argument
from gitops.drift import report
from gitops.drift.look import look
from gitops.stacks import order
from gitops.stacks.access import Access

# What is compared comes from these.
_COMPARED = ("infra/", "taskdefs/")


ARGUMENTS = (environment_argument, json_argument)
EPILOG = f"""\
Changes nothing. Every value is expected (git) → actual (AWS), with secrets masked.
docs/drift.md says what to do for each finding.

exit codes:
  {report.NONE:>2}  what runs is what git says; a commit that waits to be deployed is no drift
  {report.FOUND:>2}  something is missing, left over, or was changed by hand or not by its commit
  {report.UNPROVEN:>2}  no drift is known, and not everything could be compared
   1  an error"""


def run(arguments: argparse.Namespace) -> int:
    """Compare, and report every difference with its next step."""
    environment = environments.load(arguments.checkout, arguments.environment)
    units = order.load(arguments.checkout, environment)
    with aws.explained(environment):
        found = look(Access(arguments.checkout, environment, "drift"), units)
    if arguments.json:
        content = {**msgspec.to_builtins(found), "exit_code": found.exit_code}
        print(msgspec.json.format(msgspec.json.encode(content)).decode())
    else:
        if any(path.startswith(_COMPARED) for path in arguments.checkout.dirty()):
            print("the work tree has changes that are in no commit: the stacks are compared with them")
        print("\n".join(report.lines(found)), flush=True)
    github.summary(report.markdown(found))
    for title, message in report.alarms(found):
        github.annotation("error", title, message)
    return found.exit_code
