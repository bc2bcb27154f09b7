from __future__ import annotations

import pytest

from gitops.checks.catalogue import CHECKS
from gitops.checks.selection import EVERYTHING, ROWS, Row, selection
from gitops.policy.filled import narrows
from tests.conftest import ROOT

SERVICES = ["shop", "shop-admin"]
OF_A_SERVICE = ("contract", "dockerfile", "locks", "python", "render", "secrets", "shell", "types")
SHIP = "tests/rehearsal/ship"


@pytest.mark.parametrize(
    ("paths", "checks", "tests"),
    [
        ([], ("secrets",), ()),
        (["docs/drift.md", "README.md"], ("secrets",), ("tests/docs",)),
        (["services/shop/README.md"], ("secrets",), ("tests/docs",)),
        (["services/shop/shop/views.py"], OF_A_SERVICE, (SHIP, "tests/services/shop")),
        (
            ["services/shop-admin/Dockerfile"],
            OF_A_SERVICE,
            (SHIP, "tests/services/shop_admin"),
        ),
        (["tests/services/shop_admin/test_page.py"], ("python", "secrets", "types"), ("tests/services/shop_admin",)),
        (["taskdefs/shop/base.json"], ("contract", "render", "secrets"), (SHIP, "tests/services/shop")),
        (
            ["infra/environments/staging.yaml", "infra/cloudformation/network.yaml"],
            ("contract", "policy", "render", "secrets", "templates"),
            ("tests/infra", SHIP),
        ),
        (
            ["infra/environments/staging/shop-admin.yaml"],
            ("contract", "policy", "render", "secrets", "templates"),
            ("tests/infra", SHIP, "tests/services/shop_admin"),
        ),
        # The entry of a service that is gone: as any other file of the environments.
        (
            ["infra/environments/staging/removed.yaml"],
            ("contract", "policy", "render", "secrets", "templates"),
            ("tests/infra", SHIP),
        ),
        ([".github/workflows/check.yml"], ("secrets", "workflows"), ("tests/github", "tests/rehearsal/runner")),
        # Together: what either asks for.
        (
            ["docs/drift.md", "tests/services/shop/conftest.py"],
            ("python", "secrets", "types"),
            ("tests/docs", "tests/services/shop"),
        ),
        # What the tools are made of, what every test stands on, what nobody has named: everything.
        (["gitops/cli.py"], None, None),
        (["rehearsal/cli.py", "docs/drift.md"], None, None),
        (["tests/conftest.py"], None, None),
        (["tests/services/conftest.py"], None, None),
        (["requirements/dev.txt"], None, None),
        (["pyproject.toml"], None, None),
        (["Makefile"], None, None),
        ([".ci/run"], None, None),
        (["services/removed/app.py"], None, None),
        (["a new kind of file"], None, None),
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
