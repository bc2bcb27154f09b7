"""The copy of the workflows that act reads: what is changed in it, and what is refused."""

from __future__ import annotations

import pytest
import yaml

from gitops.errors import GitopsError
from gitops.repository import Checkout
from rehearsal.runner import workflows
from rehearsal.runner.workflows import Workflow
from tests.conftest import ROOT

EVERY = workflows.read(Checkout(ROOT))
URL = "http://127.0.0.1:1/token"

CALLER = """
name: Caller
on: push
permissions: {}
jobs:
  call:
    permissions: {contents: read%s}
    uses: $/.github/workflows/callee.yml
"""
CALLEE = Workflow(
    "callee",
    """
name: Callee
on: workflow_call
permissions: {}
jobs:
  one:
    runs-on: ubuntu-24.04
    environment: {name: "${{ inputs.environment }}"}
    permissions: {id-token: write}
    env:
      OWN: value
    steps: [{run: "true"}]
""",
)


def variables(text: str) -> dict[str, dict[str, str]]:
    jobs = yaml.load(text, Loader=yaml.CBaseLoader)["jobs"]  # noqa: S506
    return {name: job.get("env", {}) for name, job in jobs.items()}


@pytest.mark.parametrize("name", sorted(EVERY))
def test_the_copy_differs_in_nothing_but_tokens_and_self_references(name: str) -> None:
    workflow = EVERY[name]
    without = workflows.rewritten(workflow, None, "")
    assert without == workflow.text.replace("uses: $/", "uses: ./")
    added = set(workflows.rewritten(workflow, URL, "secret").splitlines()) - set(without.splitlines())
    assert {line.split()[0] for line in added} <= {
        "env:",
        "ACTIONS_ID_TOKEN_REQUEST_URL:",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN:",
    }


@pytest.mark.parametrize("name", sorted(EVERY))
def test_jobs_with_id_token_write_find_the_token_service_and_no_other_job_does(name: str) -> None:
    workflow = EVERY[name]
    found = variables(workflows.rewritten(workflow, URL, "secret"))
    may = {
        job for job, data in workflow.jobs.items() if "steps" in data and data["permissions"].get("id-token") == "write"
    }
    assert {job for job, env in found.items() if "ACTIONS_ID_TOKEN_REQUEST_URL" in env} == may


def test_a_forks_run_has_no_token_at_all() -> None:
    assert variables(workflows.rewritten(EVERY["check"], None, ""))["plan"] == {}


def test_the_environment_goes_into_the_url_as_the_workflow_says_it() -> None:
    assert variables(workflows.rewritten(EVERY["teardown"], URL, "s"))["teardown"] == {
        "ACTIONS_ID_TOKEN_REQUEST_URL": f"{URL}?workflow=teardown&environment=${{{{ inputs.environment }}}}-teardown",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "s",
    }


def test_a_jobs_own_variables_stay() -> None:
    found = variables(workflows.rewritten(CALLEE, URL, "s"))["one"]
    assert found["OWN"] == "value"
    assert found["ACTIONS_ID_TOKEN_REQUEST_URL"] == f"{URL}?workflow=callee&environment=${{{{ inputs.environment }}}}"


def test_a_token_that_the_caller_does_not_grant_is_refused_as_on_github() -> None:
    with pytest.raises(GitopsError, match=r"caller\.call does not grant id-token: write, which callee asks for"):
        workflows.require_granted({"caller": Workflow("caller", CALLER % ""), "callee": CALLEE})
    workflows.require_granted({"caller": Workflow("caller", CALLER % ", id-token: write"), "callee": CALLEE})


def test_any_other_permission_is_held_to_the_caller_as_well() -> None:
    comments = Workflow("callee", CALLEE.text.replace("id-token: write", "id-token: write, pull-requests: write"))
    assert comments.text != CALLEE.text
    read = Workflow("caller", CALLER % ", id-token: write, pull-requests: read")
    with pytest.raises(GitopsError, match="does not grant pull-requests: write"):
        workflows.require_granted({"caller": read, "callee": comments})


def test_ours_grant_what_they_call() -> None:
    workflows.require_granted(EVERY)
