"""What the emulator relies on in ministack is named in one file, held there, and replaced there alone."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitops.errors import GitopsError
from rehearsal.emulator import ministack, seams
from rehearsal.emulator.ecs.deployments import FAILING
from rehearsal.emulator.ecs.services import OURS

EMULATOR = Path(seams.__file__).parent
ROOMS = [file for file in sorted(EMULATOR.rglob("*.py")) if file.name not in ("ministack.py", "seams.py")]
NAMED = {
    f"ministack.{module}.{name}"
    for table in (seams.FUNCTIONS, seams.TABLES)
    for module, names in table.items()
    for name in names
}
MODULES = {"ministack", *(name.rpartition(".")[0] for name in NAMED)}
PACKAGES = {f"{'.'.join(parts[:length])}" for parts in (m.split(".") for m in MODULES) for length in range(1, 5)}

# By these a use or an assignment would not be seen.
HIDDEN = ("__import__", "delattr", "getattr", "importlib.import_module", "setattr")


def named_here(tree: ast.AST) -> dict[str, str]:
    """Local name → what of ministack it stands for, in one file; ``import ministack.app`` gives the whole path."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == ministack.__name__:
            found |= {one.name: f"ministack.{getattr(ministack, one.name).path}" for one in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "ministack":
            found |= {one.asname or one.name: f"{node.module}.{one.name}" for one in node.names}
        elif isinstance(node, ast.Import):
            found |= {one.asname or "ministack": (one.asname and one.name) or "ministack" for one in node.names
                      if one.name.split(".")[0] == "ministack"}  # fmt: skip
    return found


def whole(node: ast.AST, local: dict[str, str]) -> str:
    """The dotted path below ministack of a name or an attribute; empty for anything else."""
    if isinstance(node, ast.Name):
        return local.get(node.id, "")
    if isinstance(node, ast.Attribute) and (above := whole(node.value, local)):
        return f"{above}.{node.attr}"
    return ""


def outside_what_is_named(source: str) -> Iterator[str]:
    """What a file uses of ministack that seams does not name, and where it assigns into ministack at all."""
    tree = ast.parse(source)
    local = named_here(tree)
    yield from (path for path in local.values() if path not in NAMED | PACKAGES | {"ministack"})
    for node in ast.walk(tree):
        path = whole(node, local)
        if path and path not in PACKAGES and path not in NAMED and path.rpartition(".")[0] in PACKAGES:
            yield path
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store | ast.Del) and path:
            yield f"{path} is assigned"
        if isinstance(node, ast.Call) and ast.unparse(node.func) in HIDDEN:
            yield f"{ast.unparse(node.func)} at line {node.lineno}"


@pytest.mark.parametrize("file", ROOMS, ids=lambda file: str(file.relative_to(EMULATOR)))
def test_nothing_of_ministack_is_used_or_assigned_beyond_what_seams_names(file: Path) -> None:
    assert not list(outside_what_is_named(file.read_text()))


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from ministack.services import ecs\necs._services", []),
        ("from ministack.services import ecs\necs._unnamed()", ["ministack.services.ecs._unnamed"]),
        ("from ministack.services import ecs\necs.unnamed", ["ministack.services.ecs.unnamed"]),
        ("from ministack.services.ecs import _unnamed", ["ministack.services.ecs._unnamed"]),
        ("from rehearsal.emulator.ministack import ecs\necs._services", []),
        ("from rehearsal.emulator.ministack import ecs\necs._unnamed", ["ministack.services.ecs._unnamed"]),
        ("import ministack.app\nministack.app.AUTH", []),
        ("import ministack.app\nministack.app.unnamed", ["ministack.app.unnamed"]),
        ("from ministack.services import rds", ["ministack.services.rds"]),
        ("from ministack.services import ecs as e\ne._iso = 1", ["ministack.services.ecs._iso is assigned"]),
        ("from ministack.services import ecs\ndel ecs._iso", ["ministack.services.ecs._iso is assigned"]),
        ("from ministack.services import ecs\necs._ACTION_MAP['X'] = 1", ["ministack.services.ecs._ACTION_MAP"]),
        ("setattr(x, 'y', 1)", ["setattr at line 1"]),
    ],
)
def test_the_look_finds_what_it_is_to_find(source: str, found: list[str]) -> None:
    assert list(outside_what_is_named(source)) == found


def test_the_judge_takes_nothing_from_the_defendant_but_its_errors() -> None:
    """A limit that the emulator enforces is AWS's own: what gitops believes is what is judged."""
    asked = {
        (file.name, node.module)
        for file in EMULATOR.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "gitops"
    }
    assert {module for _, module in asked} == {"gitops.errors"}, asked


def test_every_name_is_used() -> None:
    """What nobody needs any more is no reason to be held."""
    words = {word for file in ROOMS for word in re.findall(r"\w+", file.read_text())}
    assert [name for name in sorted(NAMED) if name.rpartition(".")[2] not in words] == []


def test_every_key_of_a_record_that_no_api_shows_is_named() -> None:
    """A key that begins with an underline is ministack's own, or one of the two that are put on its records here."""
    named = {key for keys in seams.RECORDS.values() for key in keys.split()} | {OURS, FAILING}
    functions = {name for names in seams.FUNCTIONS.values() for name in names}
    constants = {
        node.value
        for file in ROOMS
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and re.fullmatch(r"_[a-zA-Z_]+", node.value)
    }
    assert constants - functions - {"__main__"} == named


def in_a_process(script: str) -> str:
    """Output of a script that may import ministack: here it would set up logging for all tests."""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_every_internal_of_ministack_that_is_used_is_where_it_was() -> None:
    script = "from rehearsal.emulator import seams; print('\\n'.join(seams.moved()))"
    assert in_a_process(script).strip() == "", "ministack has moved what the rehearsal relies on"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("ecs._iso = lambda: 1", ""),
        ("del ecs._iso", "ministack.services.ecs._iso is gone"),
        ("ecs._iso = lambda more: 1", "ministack.services.ecs._iso takes (more)"),
        ("ecs._tags = {}", "ministack.services.ecs._tags is no AccountScopedDict but dict"),
        (
            "responses.AccountRegionScopedDict._scoped = lambda self, key: (key,)",
            "ministack's AccountRegionScopedDict has keys of 1 parts, not 3",
        ),
        ("seams.RECORDS['services.ecs'] = '_unheard_of'", "ministack.services.ecs has no _unheard_of"),
        ("seams.TABLES['services.ecz'] = {'_tasks': 'dict'}", "ministack.services.ecz._tasks is no dict but NoneType"),
        ("del ecs._ACTION_MAP['StopTask']", "ministack.services.ecs._ACTION_MAP[StopTask] is gone"),
        ("ecs._ACTION_MAP['StopTask'] = print", "ministack.services.ecs._ACTION_MAP[StopTask] takes "),
        (
            "ecs._ACTION_MAP['StopServiceDeployment'] = print",
            "ministack.services.ecs._ACTION_MAP[StopServiceDeployment] is there by now: ours may go",
        ),
    ],
)
def test_what_has_moved_is_told_by_name(change: str, told: str) -> None:
    script = f"""
from ministack.core import responses
from ministack.services import ecs
from rehearsal.emulator import ministack, seams
from gitops.errors import GitopsError
{change}
try:
    seams.require()
except GitopsError as error:
    print(error)
"""
    answer = in_a_process(script)
    assert answer.startswith(told)
    assert ("before raising the version" in answer) is bool(told), answer


REPLACES = """
from rehearsal.emulator import ministack, seams
from gitops.errors import GitopsError
first, second = (lambda: 1), (lambda: 2)
seams.replace("services.ecs", "_iso", first)
from ministack.services import ecs
print(ecs._iso(), seams.original("services.ecs", "_iso")()[:2])
try:
    {again}
except GitopsError as error:
    print(error)
print(ecs._iso())
"""


@pytest.mark.parametrize(
    ("again", "told", "then"),
    [
        ('seams.replace("services.ecs", "_iso", second)', "ministack.services.ecs._iso has been replaced by", "1"),
        ('seams.replace("services.ecs", "_iso", second, on=second)', "has been replaced by", "1"),
        ('seams.replace("services.ecs", "_iso", second, on=first)', "", "2"),
        ('seams.replace("services.ecs", "_iso", lambda more: 1, on=first)', "takes (more)", "1"),
        ('seams.replace("services.ecs", "_unnamed", second)', "is not named in rehearsal/emulator/seams.py", "1"),
        (
            'seams.enter(seams.ECS, "StopTask", first)',
            "what replaces ministack.services.ecs._ACTION_MAP[StopTask] takes",
            "1",
        ),
        ('seams.enter(seams.ECS, "ListTasks", print)', "is not named in rehearsal/emulator/seams.py", "1"),
    ],
)
def test_a_name_is_replaced_once_unless_the_second_says_what_it_stands_on(again: str, told: str, then: str) -> None:
    first, *rest, last = in_a_process(REPLACES.replace("{again}", again)).splitlines()
    assert first == "1 20"
    assert bool(rest) is bool(told)
    assert told in "".join(rest)
    assert last == then


def test_another_version_of_ministack_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.metadata.version", lambda name: "1.6.0")
    with pytest.raises(GitopsError, match=r"ministack 1\.6\.0 is installed, the rehearsal needs exactly 1\.5\.33"):
        seams.require()
