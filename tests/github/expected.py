"""What each workflow and job must be, written down a second time: a change here is a decision."""

from __future__ import annotations

from typing import Any, NamedTuple

from gitops import environments
from gitops.repository import Checkout
from tests.conftest import ROOT

READ = {"contents": "read"}
OIDC = {"contents": "read", "id-token": "write"}
SIGNS = {**OIDC, "attestations": "write"}
DEPLOYS = {**OIDC, "attestations": "read", "pull-requests": "write"}
COMMENTS = {**READ, "pull-requests": "write"}


class ExpectedJob(NamedTuple):
    """A job's exact permissions, what it waits for, when it runs, its GitHub environment and its role."""

    permissions: dict[str, str]
    needs: tuple[str, ...] = ()
    condition: str | None = None
    environment: str | None = None
    role: str | None = None


NOT_A_FORK = "github.event_name == 'pull_request' && github.event.pull_request.head.repo.full_name == github.repository"
NOT_A_PUSH = "github.event_name != 'push'"
HERE = "${{ inputs.environment }}"

JOBS = {
    ("check", "checks"): ExpectedJob(READ),
    ("check", "tests"): ExpectedJob(READ),
    ("check", "scan"): ExpectedJob(READ),
    ("check", "diff"): ExpectedJob(READ, condition=NOT_A_PUSH),
    ("check", "plan"): ExpectedJob(OIDC, condition=NOT_A_FORK, role="plan"),
    ("check", "comment"): ExpectedJob(COMMENTS, ("diff", "plan"), f"always() && {NOT_A_FORK}"),
    ("check", "gate"): ExpectedJob(
        READ, ("checks", "tests", "scan", "diff", "plan", "comment"), f"always() && {NOT_A_PUSH}"
    ),
    ("service", "changes"): ExpectedJob(READ),
    ("service", "ship"): ExpectedJob({**SIGNS, **COMMENTS}, ("changes",), "needs.changes.outputs.services != '[]'"),
    ("ship", "test"): ExpectedJob(READ),
    ("ship", "build"): ExpectedJob(SIGNS, ("test",), role="build"),
    ("ship", "staging"): ExpectedJob(DEPLOYS, ("build",)),
    ("ship", "production"): ExpectedJob(DEPLOYS, ("build", "staging")),
    ("deploy", "deploy"): ExpectedJob(DEPLOYS, environment=HERE, role="deploy"),
    ("deploy", "plan"): ExpectedJob(OIDC, ("deploy",), "needs.deploy.outputs.service == 'missing'", role="plan"),
    ("deploy", "create"): ExpectedJob(
        OIDC,
        ("deploy", "plan"),
        "needs.deploy.outputs.service == 'missing'",
        f"{HERE}-infrastructure",
        "infrastructure",
    ),
    ("deploy", "first"): ExpectedJob(DEPLOYS, ("create",), environment=HERE, role="deploy"),
    ("rollback", "rollback"): ExpectedJob(DEPLOYS, environment=HERE, role="deploy"),
    ("infrastructure", "lint"): ExpectedJob(READ),
    ("infrastructure", "policy"): ExpectedJob(READ, ("lint",)),
    ("infrastructure", "staging"): ExpectedJob(OIDC, ("policy",)),
    ("infrastructure", "production"): ExpectedJob(OIDC, ("staging",)),
    ("apply", "plan"): ExpectedJob(OIDC, role="plan"),
    ("apply", "apply"): ExpectedJob(OIDC, ("plan",), environment=f"{HERE}-infrastructure", role="infrastructure"),
    ("drill", "drill"): ExpectedJob(OIDC, environment=f"{HERE}-drill", role="drill"),
    ("drift", "drift"): ExpectedJob(OIDC, role="drift"),
    ("drift", "scan"): ExpectedJob(READ),
    ("drift", "images"): ExpectedJob(OIDC, role="drift"),
    ("teardown", "teardown"): ExpectedJob(OIDC, environment=f"{HERE}-teardown", role="teardown"),
}

# The branch whose jobs the roles trust.
MAIN = {"branches": sorted({one.github.branch for one in environments.deployed(Checkout(ROOT)).values()})}
TEXT = {"type": "string", "required": "true"}
CHOICE = {"type": "choice", "required": "true", "options": ["staging", "production"]}

# Descriptions are left out of the comparison.
TRIGGERS: dict[str, dict[str, Any]] = {
    "check": {"pull_request": "", "merge_group": "", "push": MAIN},
    "service": {"push": MAIN, "workflow_dispatch": ""},
    "ship": {"workflow_call": {"inputs": {"service": TEXT, "commit": TEXT}}},
    "deploy": {"workflow_call": {"inputs": {"service": TEXT, "environment": TEXT, "commit": TEXT, "digest": TEXT}}},
    "rollback": {
        "workflow_dispatch": {
            "inputs": {"service": TEXT, "environment": CHOICE, "commit": {**TEXT, "required": "false"}}
        }
    },
    "infrastructure": {"push": {**MAIN, "paths": ["infra/**"]}, "workflow_dispatch": ""},
    "apply": {"workflow_call": {"inputs": {"environment": TEXT}}},
    "drill": {"workflow_dispatch": {"inputs": {"environment": CHOICE, "service": TEXT, "confirm": TEXT}}},
    # Weekdays, and not on the full hour, when GitHub delays schedules and drops some.
    "drift": {"schedule": [{"cron": "23 5 * * 1-5"}], "workflow_dispatch": ""},
    "teardown": {"workflow_dispatch": {"inputs": {"environment": CHOICE, "confirm": TEXT}}},
}

# Workflows and jobs that change AWS end one at a time and are never cancelled half-way.
CONCURRENCY = {
    "check": (
        "check-${{ github.event.pull_request.number || github.sha }}",
        "${{ github.event_name == 'pull_request' }}",
    ),
    "service": ("service-${{ github.sha }}", "false"),
    "ship.staging": ("deploy-staging-${{ inputs.service }}", "false"),
    "ship.production": ("deploy-production-${{ inputs.service }}", "false"),
    "rollback": ("rollback-${{ inputs.environment }}-${{ inputs.service }}", "false"),
    "infrastructure": ("infrastructure-${{ github.sha }}", "false"),
    "infrastructure.staging": ("infrastructure-staging", "false"),
    "infrastructure.production": ("infrastructure-production", "false"),
    "drill.drill": ("deploy-${{ inputs.environment }}-${{ inputs.service }}", "false"),
    "drift": ("drift", "false"),
    "teardown": ("infrastructure-${{ inputs.environment }}", "false"),
}
