"""gitops deploy: a service rolled to a commit, and the truth about how that ended."""

from __future__ import annotations

import argparse
import functools

from gitops import actions, aws, environments, git, progress
from gitops.rollout import report
from gitops.rollout.deploy import deploy
from gitops.rollout.release import Release
from gitops.rollout.report import Outcome
from gitops.rollout.roll import Run
from gitops.rollout.verdict import Verdict
from gitops.rollout.watch import Clock
from gitops.verbs import register

# A deployment that ends after its stopped tasks are forgotten cannot be explained any more.
_LONGEST_SECONDS = 3600.0
_LONGEST_BAKE_SECONDS = 1800.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """SERVICE ENVIRONMENT [--commit REV] [--digest DIGEST] [--allow-older] [--timeout SECONDS] [--bake SECONDS]."""
    register.release_arguments(parser, "deploy")
    timeout_argument(parser)
    parser.add_argument(
        "--bake",
        type=_bake_seconds,
        default=0.0,
        metavar="SECONDS",
        help="watch on for so long after the deployment is complete, and put the revision before back when the new "
        "one does not last (default: 0)",
    )
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = (
        "Registers the commit's task definition, updates the service if it runs another one, and watches\n"
        "the deployment by its id. Run it again after an interruption: it goes on where it was.\n\n"
        f"{exit_codes()}\n\n"
        "Sets the outputs verdict, commit, before (the commit that served), revision, image and digest."
    )


def run(arguments: argparse.Namespace) -> int:
    """Deploy, report, and end with the verdict's exit code."""
    root, service = arguments.root, arguments.service
    environment = environments.load(root, arguments.environment)
    environment.require_service(service)
    commit = git.commit(root, arguments.commit)
    release = Release(root, environment, service, commit, arguments.digest, arguments.allow_older)
    say = functools.partial(print, flush=True)
    with aws.explained(environment):
        session = aws.session(root, environment, "deploy")
        with progress.display() as display:
            how = Run(session, say, display, Clock(), arguments.timeout, arguments.bake)
            outcome = deploy(release, how)
    return tell(outcome)


def tell(outcome: Outcome) -> int:
    """Print and publish the report, set the outputs, and return the verdict's exit code."""
    print()
    print(report.text(outcome), flush=True)
    actions.summary(report.markdown(outcome))
    if outcome.verdict is not Verdict.SUCCEEDED:
        level: actions.Level = "error" if outcome.verdict in {Verdict.ROLLED_BACK, Verdict.FAILED} else "warning"
        title = f"{outcome.service} in {outcome.environment}: {outcome.verdict.value}"
        actions.annotation(level, title, f"{report.headline(outcome)}\nnext: {report.next_step(outcome)}")
    actions.output("verdict", outcome.verdict.value)
    actions.output("commit", outcome.after.commit)
    actions.output("before", outcome.before.commit)
    actions.output("revision", outcome.after.revision)
    actions.output("image", outcome.after.image)
    actions.output("digest", outcome.after.image.rpartition("@")[2])
    return outcome.verdict.exit_code


def timeout_argument(parser: argparse.ArgumentParser) -> None:
    """--timeout SECONDS."""
    parser.add_argument(
        "--timeout", type=_seconds, default=900.0, metavar="SECONDS", help="how long to watch (default: 900)"
    )


def exit_codes() -> str:
    """The exit codes with what is true after each, for a verb's help."""
    codes = "\n".join(f"  {one.exit_code:>2}  {one.value}: {one.meaning}" for one in Verdict)
    return f"exit codes:\n{codes}\n   1  an error, before or while it was watched"


def _seconds(text: str) -> float:
    return _number(text, 1.0, _LONGEST_SECONDS)


def _bake_seconds(text: str) -> float:
    return _number(text, 0.0, _LONGEST_BAKE_SECONDS)


def _number(text: str, least: float, most: float) -> float:
    try:
        seconds = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"not a number of seconds: {text}") from None
    if not least <= seconds <= most:
        raise argparse.ArgumentTypeError(f"between {least:.0f} and {most:.0f} seconds, not {text}")
    return seconds
