"""The gitops command: one verb per thing that a workflow or a person does."""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import sys
from pathlib import Path

from gitops.errors import GitopsError
from gitops.repository import Checkout
from gitops.text import hide

# In the order of use. A verb's module is imported only when it is called: rendering must not wait for boto3.
VERBS = {
    "render": "write the rendered task definitions, or check that they are fresh",
    "diff": "what two commits change in rendered task definitions and environments, as reviewers read it",
    "plan": "show what an environment's stacks would change, as a list a reviewer reads",
    "apply": "bring an environment's stacks to what the templates say",
    "secret": "put a secret of a service into Parameter Store",
    "build": "build the image of a commit and push it once",
    "scan": "known vulnerabilities in a service's locked requirements, or in its image",
    "sbom": "the software bill of materials of a commit's image, as CycloneDX",
    "comment-review": "the diff and the plans of a pull request, as one comment that is kept up to date",
    "register": "register the rendered task definition with the image of a commit",
    "deploy": "roll a service to a commit and say truthfully how that ended",
    "rollback": "bring what served before back and say truthfully how that ended",
    "comment-reached": "tell merged pull requests what came of them in an environment",
    "prune": "remove old revisions of a service, never one that is in use or last known good",
    "status": "what runs in an environment: URL, and per service commit, digest, revision, deployment",
    "drift": "whether what runs is still what git says: stacks, what stands in them, services",
    "drill": "failures on purpose under steady load, and whether a request was lost",
    "destroy": "remove everything of an environment, after a typed confirmation",
    "lint": "check the templates with cfn-lint, as they stand and with each environment's values",
    "policy": "check the templates against checkov's policies, with each environment's values",
    "check": "run the checks of the repository: lint, types, templates, policy, workflows and more",
    "test": "run the tests of one service, or all of the repository",
    "new-service": "add a service to the repository, in files of its own",
    "changed": "the services that differ between two commits",
    "role": "the AWS role that a workflow job assumes",
    "gate": "one result for all the jobs before it",
}


def main(argv: list[str] | None = None) -> int:
    """Run one verb; every problem becomes one line and a non-zero exit code."""
    words = sys.argv[1:] if argv is None else argv
    try:
        parser = _parser(words)
        arguments = parser.parse_args(words)
        if arguments.verb is None:
            parser.print_help()
            return 2
        arguments.checkout = Checkout.around(Path.cwd())
        arguments.root = arguments.checkout.root
        code: int = arguments.run(arguments)
        sys.stdout.flush()
    except GitopsError as error:
        print(f"error: {hide(str(error))}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("interrupted: run the same command again to go on", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader (head, less) went away. Not 0: a deploy that could not go on has not succeeded.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except OSError as error:
        print(hide(f"error: {error.filename or 'this machine'}: {error.strerror or error}"), file=sys.stderr)
        return 1
    return code


def _parser(words: list[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="gitops",
        description="Ships services to Amazon ECS from git. Each workflow step is one of these verbs.",
        epilog="gitops VERB --help explains a verb. docs/operations.md shows them in use.",
    )
    subparsers = parser.add_subparsers(dest="verb", metavar="VERB", title="verbs")
    for verb, help_text in VERBS.items():
        subparser = subparsers.add_parser(verb, help=help_text, description=help_text[0].upper() + help_text[1:] + ".")
        if verb in words[:1]:
            module = importlib.import_module(f"gitops.verbs.{verb.replace('-', '_')}")
            subparser.description = getattr(module, "DESCRIPTION", subparser.description)
            subparser.epilog = getattr(module, "EPILOG", None)
            if "\n" in (subparser.epilog or ""):
                subparser.formatter_class = argparse.RawDescriptionHelpFormatter
            for add in getattr(module, "ARGUMENTS", ()) or (module.add_arguments,):
                add(subparser)
            subparser.set_defaults(run=module.run)
    return parser
