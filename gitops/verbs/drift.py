"""gitops drift: whether what runs in an environment is still what git says."""

from __future__ import annotations

import argparse

import msgspec

from gitops import actions, aws, environments, git
from gitops.drift import finding, report
from gitops.drift.look import look
from gitops.stacks.access import Access
from gitops.stacks.waiting import Clock
from gitops.verbs.plan import load_units

# What is compared comes from these.
_COMPARED = ("infra/", "taskdefs/")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """ENVIRONMENT [--json]."""
    parser.add_argument("environment", help="a file of infra/environments/")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead")
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = (
        "Changes nothing. Every value is expected (git) → actual (AWS), with secrets masked.\n"
        "docs/drift.md says what to do for each finding.\n\n"
        "exit codes:\n"
        f"  {finding.NONE:>2}  what runs is what git says; a commit that waits to be deployed is no drift\n"
        f"  {finding.FOUND:>2}  something is missing, left over, or was changed by hand or not by its commit\n"
        f"  {finding.UNPROVEN:>2}  no drift is known, and not everything could be compared\n"
        "   1  an error"
    )


def run(arguments: argparse.Namespace) -> int:
    """Compare, and report every difference with its next step."""
    root = arguments.root
    environment = environments.load(root, arguments.environment)
    units = load_units(root, environment)
    with aws.explained(environment):
        found = look(root, Access(root, environment, "drift"), units, Clock())
    if arguments.json:
        content = {**msgspec.to_builtins(found), "exit_code": found.exit_code}
        print(msgspec.json.format(msgspec.json.encode(content)).decode())
    else:
        if any(path.startswith(_COMPARED) for path in git.dirty(root)):
            print("the work tree has changes that are in no commit: the stacks are compared with them")
        print("\n".join(report.lines(found)), flush=True)
    actions.summary(report.markdown(found))
    for title, message in report.alarms(found):
        actions.annotation("error", title, message)
    return found.exit_code
