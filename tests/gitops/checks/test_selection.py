from __future__ import annotations

import pytest

from gitops.checks.catalogue import CHECKS
from gitops.checks.selection import EVERYTHING, ROWS, Row, selection
from gitops.policy.filled import narrows
from tests.conftest import ROOT

SERVICES = ["shop", "shop-admin"]
OF_A_SERVICE = ("contract", "dockerfile", "locks", "python", "render", "secrets", "shell", "types")
OF_TEMPLATES = ("contract", "policy", "render", "secrets", "templates")
OF_TESTS = ("python", "secrets", "types")
SHIP = "tests/rehearsal/ship"
ENTRIES = "infra/environments/staging"


@pytest.mark.parametrize(
    ("paths", "checks", "tests"),
    [
        ([], ("secrets",), ()),
        (["docs/drift.md", "README.md"], ("secrets",), ("tests/docs",)),
        (["services/shop/README.md"], ("secrets",), ("tests/docs",)),
        (["services/shop/shop/views.py"], OF_A_SERVICE, (SHIP, "tests/services/shop")),
        (["services/shop-admin/Dockerfile"], OF_A_SERVICE, (SHIP, "tests/services/shop_admin")),
        (["tests/services/shop_admin/test_page.py"], OF_TESTS, ("tests/services/shop_admin",)),
        (["taskdefs/shop/base.json"], ("contract", "render", "secrets"), (SHIP, "tests/services/shop")),
        ([f"{ENTRIES}.yaml", "infra/cloudformation/network.yaml"], OF_TEMPLATES, ("tests/infra", SHIP)),
        ([f"{ENTRIES}/shop-admin.yaml"], OF_TEMPLATES, ("tests/infra", SHIP, "tests/services/shop_admin")),
        # The entry of a service that is gone: as any other file of the environments.
        ([f"{ENTRIES}/removed.yaml"], OF_TEMPLATES, ("tests/infra", SHIP)),
        ([".github/workflows/check.yml"], ("secrets", "workflows"), ("tests/github", "tests/rehearsal/runner")),
        # Together: what either asks for.
        (["docs/drift.md", "tests/services/shop/conftest.py"], OF_TESTS, ("tests/docs", "tests/services/shop")),
        # What the tools are made of, what every test stands on, what nobody has named: everything.
        *(
            ([path], None, None)
            for path in (
                *("gitops/cli.py", "tests/conftest.py", "tests/services/conftest.py", "requirements/dev.txt"),
                *("pyproject.toml", "Makefile", ".ci/run", "services/removed/app.py", "a new kind of file"),
            )
        ),
        (["rehearsal/cli.py", "docs/drift.md"], None, None),
    ],
)
def test_a_change_asks_for_what_it_can_affect(
    paths: list[str], checks: tuple[str, ...] | None, tests: tuple[str, ...] | None
) -> None:
    chosen = selection(paths, SERVICES)
    assert (chosen.checks, chosen.tests) == (checks, tests)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.paths[0])
def test_where_no_template_is_checked_no_stack_can_differ(row: Row) -> None:
    paths = [pattern.format(service="shop", package="shop").replace("*", "x") for pattern in row.paths]
    assert narrows(paths) or {"policy", "templates"} <= set(row.checks) or EVERYTHING in row.checks


def test_every_check_and_folder_of_a_row_exists() -> None:
    checks = {name for row in ROWS for name in row.checks} - {EVERYTHING}
    folders = {name for row in ROWS for name in row.tests if "{" not in name} - {EVERYTHING}
    assert checks <= {check.name for check in CHECKS}
    assert [folder for folder in folders if not (ROOT / folder).is_dir()] == []


def test_every_check_is_asked_for_by_some_change() -> None:
    assert {check.name for check in CHECKS} - {"secrets"} <= {name for row in ROWS for name in row.checks}
