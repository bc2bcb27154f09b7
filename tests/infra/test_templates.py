"""The committed templates keep every rule, and CloudFormation takes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from gitops.stacks.templates import INLINE_LIMIT
from tests.infra import rules, templates
from tests.infra.templates import MADE, NAMES, ROOT, Template

EVERYWHERE = [
    rules.no_public_address,
    rules.only_web_ports_open,
    rules.rules_described,
    rules.groups_close_their_egress,
    rules.default_group_unused,
    rules.networks_have_a_flow_log,
    rules.oidc_trust_is_exact,
    rules.services_act_for_this_account,
    rules.no_sweeping_permission,
    rules.roles_are_passed_narrowly,
    rules.services_roll_safely,
    rules.targets_leave_quickly,
    rules.one_listener_a_port,
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("rule", EVERYWHERE, ids=lambda rule: rule.__name__)
def test_every_template_keeps_every_rule(rule: Callable[[Template], Iterator[str]], name: str) -> None:
    assert list(rule(templates.load(name))) == []


@pytest.mark.parametrize("name", MADE)
def test_roles_made_by_cloudformation_are_bounded(name: str) -> None:
    assert list(rules.made_roles_are_bounded(templates.load(name))) == []


def test_every_template_file_is_tested() -> None:
    assert sorted(path.stem for path in (ROOT / "infra/cloudformation").iterdir()) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_everything_has_a_description(name: str) -> None:
    template = templates.load(name)
    described = [template, *template["Parameters"].values(), *template["Outputs"].values()]
    assert all(one.get("Description") for one in described)


@pytest.mark.parametrize("name", NAMES)
def test_a_person_can_read_the_template_and_a_request_can_carry_it(name: str) -> None:
    body = (ROOT / f"infra/cloudformation/{name}.yaml").read_bytes()
    assert body.count(b"\n") <= 400
    # What is left is room for the next change.
    assert len(body) <= 0.9 * INLINE_LIMIT


@pytest.mark.parametrize("name", NAMES)
def test_no_stack_locks_another_in(name: str) -> None:
    template = templates.load(name)
    assert not any("Export" in output for output in template["Outputs"].values())
    assert "Fn::ImportValue" not in str(template["Resources"])


@pytest.mark.parametrize("name", NAMES)
def test_a_skipped_check_has_its_reason_beside_it(name: str) -> None:
    for resource in templates.load(name)["Resources"].values():
        for skip in resource.get("Metadata", {}).get("checkov", {}).get("skip", []):
            assert set(skip) == {"id", "comment"}
            assert len(skip["comment"].split()) > 5
