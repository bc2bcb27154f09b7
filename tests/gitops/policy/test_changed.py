"""Which stacks a change can affect: those whose template or values are others than before, or all."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitops import environments
from gitops.policy.filled import every, own
from gitops.repository import Checkout
from tests.gitops.conftest import ENVIRONMENT, commit, write

TEMPLATES = {
    "network": "Parameters: {Cidr: {Type: String}, Environment: {Type: String}}\nResources: {A: {Type: X}}\n",
    "service": "Parameters: {Service: {Type: String}, Size: {Type: Number, Default: 1}}\nResources: {A: {Type: X}}\n",
}
STAGING = ENVIRONMENT.format(name="staging", account="1" * 12).replace("{}", '{network: {Cidr: "10.0.0.0/16"}}')
PRODUCTION = STAGING.replace("environment: staging", "environment: production")
ALL = ["network", "service-one", "service-two"]


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """A repository of two environments, with one commit."""
    for name, text in TEMPLATES.items():
        write(tmp_path / f"infra/cloudformation/{name}.yaml", text)
    write(tmp_path / "infra/environments/staging.yaml", STAGING)
    write(tmp_path / "infra/environments/production.yaml", PRODUCTION)
    for entry in ("staging/one", "staging/two", "production/one", "production/two"):
        write(tmp_path / f"infra/environments/{entry}.yaml", "parameters: {}\n")
    return Checkout(tmp_path)


def seen(checkout: Checkout, base: str) -> tuple[list[str], list[str]]:
    """What is looked at since a commit: stacks (with their environment's first letter), and templates as they stand."""
    stacks = every(checkout, environments.load_all(checkout), placeholders=False, base=base)
    return [f"{one.environment[0]}:{one.label}" for one in stacks], [path.stem for path in own(checkout, base)]


@pytest.mark.parametrize(
    ("path", "content", "stacks", "templates"),
    [
        ("docs/page.md", "# A page\n", [], []),
        ("services/one/app.py", "1\n", [], []),
        ("CHANGES.md", "# Changes\n", [], []),
        # Of one service in one environment.
        ("infra/environments/staging/two.yaml", "parameters: {Size: '2'}\n", ["s:service-two"], []),
        # A comment, an order or a field that no template takes changes nothing that is looked at.
        ("infra/environments/staging.yaml", f"# why\n{STAGING}".replace("Paris", "Rome"), [], []),
        ("infra/environments/staging/six.yaml", "parameters: {}\n", ["s:service-six"], []),
        (
            "infra/cloudformation/service.yaml",
            TEMPLATES["service"].replace("Default: 1", "Default: 2"),
            [f"{name}:service-{service}" for name in "ps" for service in ("one", "two")],
            ["service"],
        ),
    ],
)
def test_only_what_differs_is_looked_at(
    checkout: Checkout, path: str, content: str, stacks: list[str], templates: list[str]
) -> None:
    base = commit(checkout.root)
    write(checkout.root / path, content)
    assert seen(checkout, base) == (stacks, templates)
    commit(checkout.root)
    assert seen(checkout, base) == (stacks, templates)


EVERYTHING = ([f"{name}:{label}" for name in "ps" for label in ALL], ["network", "service"])


@pytest.mark.parametrize(
    "path", ["gitops/policy/filled.py", "requirements/dev.txt", ".cfnlintrc", "a-new-kind/of.file"]
)
def test_what_may_change_the_checker_itself_affects_all(checkout: Checkout, path: str) -> None:
    base = commit(checkout.root)
    write(checkout.root / path, "x\n")
    assert seen(checkout, base) == EVERYTHING


@pytest.mark.parametrize("base", ["", "0" * 40, "f" * 40, "no-such-branch"])
def test_without_a_commit_to_compare_with_all_is_looked_at(checkout: Checkout, base: str) -> None:
    commit(checkout.root)
    assert seen(checkout, base) == EVERYTHING


def test_what_could_not_be_read_before_was_never_looked_at(checkout: Checkout) -> None:
    write(checkout.root / "infra/environments/staging.yaml", "environment: [\n")
    base = commit(checkout.root)
    write(checkout.root / "infra/environments/staging.yaml", STAGING)
    assert seen(checkout, base) == (EVERYTHING[0], [])
