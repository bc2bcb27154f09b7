"""Rules on what the steps run: one gitops verb each, with options it has, values only through the environment."""

from __future__ import annotations

import ast
import contextlib
import io
import re
import shlex
from collections.abc import Iterator
from functools import cache

from gitops import cli
from tests.conftest import ROOT
from tests.github.files import GitHubFiles, Step, expressions
from tests.imports import imported_modules, modules

# The runner's own Python serves the verbs that need nothing installed.
COMMANDS = (".venv/bin/gitops ", "python3 -m gitops ")
NOT_A_VERB = {"make setup"}
# Words, options and quoted variables: nothing with which a shell starts a second command.
PLAIN = re.compile(r'[\w./"$ =-]+')
VARIABLE = re.compile(r"\$\{?([A-Za-z_]\w*)\}?")
COMPARISON = re.compile(r"steps\.([\w-]+)\.outputs\.[\w-]+ == '([^']*)'")
STEP_OUTPUT = re.compile(r"steps\.([\w-]+)\.outputs\.([\w-]+)")
# gh, which verifies attestations for some of these verbs, reads its token itself.
READ_BY_VERB = {
    "gate": {"NEEDS"},
    "register": {"GH_TOKEN"},
    "deploy": {"GH_TOKEN"},
    "rollback": {"GH_TOKEN"},
    "comment-review": {"GH_TOKEN"},
    "comment-reached": {"GH_TOKEN"},
}
# A value of the right kind for each variable, where a verb looks at the value while it parses.
SAMPLES = {
    "BAKE": "120",
    "PULL_REQUEST": "7",
    "DIGEST": f"sha256:{'0' * 64}",
    "ENVIRONMENT": "staging",
    "ROLE": "plan",
    "SERVICE": "weather",
}


def no_expression_reaches_a_script(files: GitHubFiles) -> list[str]:
    """What an event carries would be code there."""
    return [
        f"{where}: expression in a script: {step['run'].strip()}"
        for where, step in files.steps()
        if "${{" in step.get("run", "")
    ]


def each_script_is_one_verb(files: GitHubFiles) -> list[str]:
    """A verb of ours, with arguments that its own parser accepts."""
    problems = []
    for where, step in files.steps():
        script = step.get("run", "").strip()
        if script and script not in NOT_A_VERB:
            problems += [f"{where}: {problem}" for problem in script_problems(script, step.get("env", {}))]
    return problems


def script_problems(script: str, variables: dict[str, str]) -> list[str]:
    """What is wrong with one script, given the variables its step sets."""
    if not script.startswith(COMMANDS) or not PLAIN.fullmatch(script):
        return [f"not one gitops verb: {script}"]
    used = VARIABLE.findall(script)
    problems = [f"${name} is not set by the step" for name in used if name not in variables]
    problems += [f"${name} is not quoted" for name in used if f'"${name}"' not in script]
    sampled = VARIABLE.sub(lambda found: SAMPLES.get(found[1], "x" * 40), script)
    words = shlex.split(sampled.partition("gitops ")[2])
    message = io.StringIO()
    try:
        with contextlib.redirect_stderr(message), contextlib.redirect_stdout(io.StringIO()):
            cli._parser(words).parse_args(words)
    except SystemExit:
        problems.append(f"{script}: {message.getvalue().strip().splitlines()[-1]}")
    return problems


def variables_are_used(files: GitHubFiles) -> list[str]:
    """A variable that the script does not name is a value that goes nowhere, unless its verb reads it."""
    return [
        f"{where}: {name} is set and not used"
        for where, step in files.steps()
        for name in step.get("env", {})
        if name not in VARIABLE.findall(step.get("run", "")) and name not in _read_by_verb(step)
    ]


def outputs_exist(files: GitHubFiles) -> list[str]:
    """Each output of a step that an expression names is one that its verb sets."""
    return [
        f"steps.{step_id}.outputs.{name}: {verb or 'no step'} sets no such output"
        for step_id, name, verb in _found(files, STEP_OUTPUT)
        if verb is None or name not in outputs_of(verb)
    ]


def compared_values_exist(files: GitHubFiles) -> list[str]:
    """A condition on a value that the verb never sets would skip its step for ever, and stay green."""
    return [
        f"steps.{step_id} is compared with {value}, which {verb or 'no step'} never says"
        for step_id, value, verb in _found(files, COMPARISON)
        if verb is None or not re.search(rf"[\"']{re.escape(value)}[\"']", _source(verb))
    ]


@cache
def outputs_of(verb: str) -> frozenset[str]:
    """The outputs that a verb sets: in its own module, or in one that it imports (the report of a deploy)."""
    if verb not in cli.VERBS:
        return frozenset()
    module = f"gitops.verbs.{verb.replace('-', '_')}"
    return frozenset(name for one in (module, *imported_modules(module)) for name in _outputs(one))


def _outputs(module: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(modules()[module].read_text(encoding="utf-8"))):
        match node:
            case ast.Call(func=ast.Attribute(attr="output"), args=[ast.Constant(value=str(name)), *_]):
                yield name


def _source(verb: str) -> str:
    path = ROOT / "gitops" / "verbs" / f"{verb.replace('-', '_')}.py"
    return path.read_text(encoding="utf-8") if verb in cli.VERBS else ""


def _found(files: GitHubFiles, pattern: re.Pattern[str]) -> list[tuple[str, str, str | None]]:
    """What a pattern finds in each expression: the step's id, the second group, and the verb of that step."""
    found = []
    for places, steps in _scopes(files):
        verbs = {step["id"]: _verb(step) for step in steps if "id" in step}
        matches = (match for place in places for match in pattern.findall(place))
        found += [(step_id, second, verbs.get(step_id)) for step_id, second in matches]
    return found


def _scopes(files: GitHubFiles) -> list[tuple[list[str], list[Step]]]:
    """Per job or composite action: every expression and condition in it, and its steps."""
    owners = [*files.jobs.values(), *(data for name, data in files.parsed.items() if name.startswith("actions/"))]
    scopes = []
    for owner in owners:
        steps = owner.get("steps") or owner.get("runs", {}).get("steps", [])
        scopes.append((expressions(owner) + [step["if"] for step in steps if "if" in step], steps))
    return scopes


def _verb(step: Step) -> str | None:
    script = step.get("run", "")
    return script.partition("gitops ")[2].split()[0] if script.startswith(COMMANDS) else None


def _read_by_verb(step: Step) -> set[str]:
    return READ_BY_VERB.get(_verb(step) or "", set())
