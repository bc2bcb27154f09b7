"""docs/interface.md says what the code does, no more and no less."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import msgspec
import pytest
from msgspec import inspect

import gitops
from gitops import repository
from gitops.cli import VERBS
from gitops.deploy.decision import Verdict
from gitops.deploy.status import Status
from gitops.drift import report
from gitops.drift.report import Drift
from gitops.stacks import plan
from gitops.stacks.plan import Plan
from gitops.supply import findings
from tests.conftest import ROOT
from tests.github.scripts import outputs_of

PAGE = (ROOT / "docs/interface.md").read_text(encoding="utf-8")


def rows(title: str) -> list[list[str]]:
    """The cells of the table below a title, without its head."""
    section = PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def names(cell: str) -> list[str]:
    """What stands in a cell as code."""
    return re.findall(r"`([^`]+)`", cell)


def shape(kind: inspect.Type, path: str = "") -> Iterator[str]:
    """The paths of all values in what a type is written as in JSON."""
    match kind:
        case inspect.StructType():
            for field in kind.fields:
                yield from shape(field.type, f"{path}.{field.encode_name}".removeprefix("."))
        case inspect.DictType():
            yield from shape(kind.value_type, f"{path}.NAME")
        case inspect.ListType() | inspect.VarTupleType():
            yield from shape(kind.item_type, f"{path}[]")
        case inspect.UnionType():
            for one in kind.types:
                if not isinstance(one, inspect.NoneType):
                    yield from shape(one, path)
        case _:
            yield path


def documented_shape(verb: str) -> list[str]:
    found = re.search(rf"`gitops {verb} ENVIRONMENT --json`.*?```text\n(.*?)```", PAGE, re.DOTALL)
    assert found
    lines = [line.rpartition(": ") for line in found[1].splitlines()]
    return [f"{path}.{name}".removeprefix(".") for path, _, held in lines for name in held.split(", ")]


def test_every_verb_stands_there_in_its_order() -> None:
    (line,) = re.findall(r"^In the order of use: (.*)$", PAGE, re.MULTILINE)
    assert names(line) == [*VERBS]


def test_the_outputs_are_those_that_are_set() -> None:
    documented = {verb: set(names(given)) for verbs, given in rows("Verbs") for verb in names(verbs)}
    assert documented == {verb: set(outputs) for verb in VERBS if (outputs := outputs_of(verb))}


def test_the_variables_are_those_that_are_read() -> None:
    trees = (ast.parse(path.read_text()) for path in (ROOT / "gitops").rglob("*.py"))
    texts = (node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant))
    read = {text for text in texts if isinstance(text, str) and re.fullmatch(r"FAIRWEATHER_[A-Z_]+", text)}
    assert set(re.findall(r"`(FAIRWEATHER_[A-Z_]+)`", PAGE)) == read


def test_the_exit_codes_are_those_of_the_code() -> None:
    documented = {(verbs, word): int(code) for code, verbs, word in rows("Exit codes")}
    verdicts = {one.value: one.exit_code for one in Verdict if one.exit_code}
    assert {word: code for (verbs, word), code in documented.items() if verbs == "deploy, rollback"} == verdicts
    assert (documented["scan", "found"], documented["scan", "unproven"]) == (findings.FOUND, findings.UNPROVEN)
    assert (documented["drift", "found"], documented["drift", "unproven"]) == (report.FOUND, report.UNPROVEN)
    assert len(set(documented.values())) == len(documented), "each code has one meaning"


@pytest.mark.parametrize(
    ("verb", "kind", "added"),
    [("status", Status, set()), ("drift", Drift, {"exit_code"}), ("plan", Plan, {"hash", "counts.NAME"})],
)
def test_the_json_has_the_names_that_stand_there(verb: str, kind: type, added: set[str]) -> None:
    assert set(documented_shape(verb)) == {*shape(inspect.type_info(kind)), *added}


def test_what_a_plan_adds_is_there() -> None:
    written = msgspec.json.decode(plan.as_json(Plan("staging", ())))
    assert {one.partition(".")[0].partition("[")[0] for one in documented_shape("plan")} == written.keys()
    assert all(isinstance(number, int) for number in written["counts"].values())


def test_the_names_are_the_public_ones() -> None:
    assert [names(name) for name, _ in rows("Names for Python")] == [[name] for name in gitops.__all__]
    assert list(gitops.__all__) == sorted(gitops.__all__)


def test_the_layout_is_the_one_that_is_read() -> None:
    documented = [path for where, _ in rows("The repository") for path in names(where)]
    assert documented == [
        f"{repository.SERVICES / 'NAME'}/",
        str(repository.base("NAME")),
        str(repository.rendered("NAME", "ENVIRONMENT")),
        str(repository.template("NAME")),
        str(repository.environment_file("NAME")),
        f"{repository.WORKFLOWS}/",
        f"{repository.ACTIONS}/",
        f"{repository.REQUIREMENTS}/",
        str(repository.SERVICES / "NAME" / "requirements.txt"),
        f"{repository.TESTS / 'NAME'}/",
    ]
