"""What a runner does not evaluate, asserted from the files; and mutations that show each rule can fail."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import pytest

from tests.github import drift, files, flow, roles, scripts, shape
from tests.github.expected import MAIN
from tests.github.files import GitHubFiles

Rule = Callable[[GitHubFiles], list[str]]
# Every public function there that takes the files.
RULES: list[Rule] = [
    rule
    for module in (shape, scripts, roles, flow, drift)
    for name, rule in inspect.getmembers(module, inspect.isfunction)
    if not name.startswith("_") and [*inspect.signature(rule).parameters] == ["files"]
]

CHECK, SERVICE, SHIP = "workflows/check.yml", "workflows/service.yml", "workflows/ship.yml"
DEPLOY, APPLY = "workflows/deploy.yml", "workflows/apply.yml"
INFRASTRUCTURE, TEARDOWN = "workflows/infrastructure.yml", "workflows/teardown.yml"
DRILL, ROLLBACK = "workflows/drill.yml", "workflows/rollback.yml"
DRIFT = "workflows/drift.yml"
AWS = "actions/aws/action.yml"
CHECKOUT = "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1"
NAME_THE_ROLE = 'gitops role "$ENVIRONMENT" "$ROLE"'


@pytest.fixture(scope="module")
def ours() -> GitHubFiles:
    return files.read()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_workflows_keep_the_rule(rule: Rule, ours: GitHubFiles) -> None:
    assert rule(ours) == []


MUTATIONS: dict[Rule, dict[str, tuple[str, str, str]]] = {
    shape.permissions_are_exact: {
        "permission removed": (SHIP, "      attestations: write # to keep what was signed\n", ""),
        "permission widened": (CHECK, "contents: read # to", "contents: write # to"),
        "permissions for the whole workflow": (SERVICE, "permissions: {}", "permissions: write-all"),
        "pull requests written by a job that runs their code": (
            CHECK,
            "contents: read # to check out\n    steps:",
            "contents: read # to check out\n      pull-requests: write # to comment\n    steps:",
        ),
    },
    shape.each_permission_has_its_reason: {"permission without a reason": (DEPLOY, " # to check out", "")},
    shape.outside_actions_are_pinned: {
        "action unpinned": (CHECK, CHECKOUT, "actions/checkout@v7"),
        "pin without its version": (TEARDOWN, CHECKOUT, CHECKOUT.split(" #")[0]),
    },
    shape.one_pin_per_action: {"two pins of one action": (APPLY, "3d3c42e5", "3d3c42e6")},
    shape.jobs_have_limits_and_names: {
        "timeout lost": (DEPLOY, "    timeout-minutes: 15\n", ""),
        "timeout of a day": (APPLY, "timeout-minutes: 60", "timeout-minutes: 1440"),
    },
    shape.checkouts_keep_no_credentials: {
        "credentials kept": (CHECK, "persist-credentials: false", "persist-credentials: true")
    },
    shape.triggers_are_exact: {
        "branch filter lost": (SERVICE, f"    branches: [{MAIN['branches'][0]}]\n", ""),
        "required input made optional": (TEARDOWN, "required: true", "required: false"),
        "drift on another day": (DRIFT, "1-5", "1-4"),
    },
    shape.concurrency_is_exact: {
        "deploy cancelled by the next": (SHIP, "cancel-in-progress: false", "cancel-in-progress: true"),
        "infrastructure cancelled by the next": (
            INFRASTRUCTURE,
            "cancel-in-progress: false",
            "cancel-in-progress: true",
        ),
        "one group for both environments": (SHIP, "deploy-production-", "deploy-staging-"),
    },
    shape.no_secrets_are_used: {"a secret of GitHub's": (AWS, "steps.role.outputs.role-arn", "secrets.ROLE_ARN")},
    shape.jobs_are_the_expected: {"a new job nobody decided on": (SERVICE, "  changes:\n", "  extra:\n")},
    scripts.no_expression_reaches_a_script: {
        "expression in a script": (TEARDOWN, '--confirm "$CONFIRM"', "--confirm ${{ inputs.confirm }}")
    },
    scripts.each_script_is_one_verb: {
        "typo in a verb": (CHECK, "gitops diff", "gitops dif"),
        "typo in a verb's option": (APPLY, "--plan-hash", "--plan-hsh"),
        "option without its value": (SERVICE, '--base "$BASE"', "--base"),
        "a second command in a script": (CHECK, "bin/gitops check", "bin/gitops check && make stop"),
        "variable not quoted": (SHIP, '"$SERVICE"', "$SERVICE"),
        "variable never set": (SHIP, "          SERVICE: ${{ inputs.service }}\n", ""),
    },
    scripts.variables_are_used: {"value that goes nowhere": (AWS, NAME_THE_ROLE, 'gitops role staging "$ROLE"')},
    scripts.outputs_exist: {
        "wrong output name": (APPLY, "steps.plan.outputs.plan-hash", "steps.plan.outputs.hash"),
        "wrong output name in an action": (AWS, "outputs.role-arn", "outputs.arn"),
    },
    scripts.compared_values_exist: {"condition on a value never set": (DEPLOY, "== 'exists'", "== 'exist'")},
    roles.jobs_assume_their_role: {
        "deploy as the infrastructure role": (DEPLOY, "role: deploy", "role: infrastructure"),
        "role without id-token": (APPLY, "id-token: write # to assume the plan role", ""),
        "drift as a role that changes things": (DRIFT, "role: drift", "role: plan"),
    },
    roles.environments_are_exact: {
        "apply without its reviewers": (APPLY, "environment }}-infrastructure", "environment }}")
    },
    roles.roles_match_their_environment: {
        "approved here, applied there": (TEARDOWN, "environment: ${{ inputs.environment }}", "environment: production")
    },
    roles.the_roles_trust_these_jobs: {
        "subject that no role trusts": (CHECK, "github.event_name == 'pull_request' &&", ""),
        "branch subject while the job has an environment": (
            SHIP,
            "    needs: test\n",
            "    needs: test\n    environment: staging\n",
        ),
        "role that no job assumes any more": (DRIFT, "          role: drift\n", "          role: plan\n"),
    },
    roles.credentials_and_cache_stay_apart: {
        "cache in a job with a role": (SHIP, "actions/setup", "actions/setup\n        with: {cache: 'true'}")
    },
    roles.credentials_outlive_the_job: {
        "credentials that end before the job": (DEPLOY, "          seconds: 5400\n", ""),
        "credentials for longer than the role has them": (ROLLBACK, "seconds: 5400", "seconds: 7200"),
    },
    roles.images_are_built_where_all_look: {
        "images built where nobody looks": (SHIP, "environment: staging # whose", "environment: production # whose")
    },
    flow.order_is_exact: {
        "production before staging": (SHIP, "needs: [build, staging]", "needs: build"),
        "build before the tests": (SHIP, "needs: test", "needs: []"),
        "apply before the policies": (INFRASTRUCTURE, "needs: policy", "needs: lint"),
        "plan on a fork": (CHECK, "head.repo.full_name ==", "head.repo.full_name !="),
        "gate that may not run": (CHECK, "if: always()", "if: success()"),
    },
    flow.the_gate_waits_for_all: {
        "gate that misses a job": (
            CHECK,
            "[checks, tests, scan, diff, plan, comment]",
            "[checks, scan, diff, plan, comment]",
        ),
        "gate that lets a skipped test through": (CHECK, "--may-skip plan", "--may-skip tests"),
    },
    flow.every_environment_is_reached: {
        "environment left out of the plan": (CHECK, "[staging, production]", "[staging]"),
        "environment left out of the teardown": (TEARDOWN, "[staging, production]", "[staging]"),
        "environment left out of the deploy": (SHIP, "environment: production", "environment: staging"),
        "environment left out of the drift": (DRIFT, "[staging, production]", "[staging]"),
    },
    flow.callers_name_the_job_by_its_environment: {
        "job named after another environment": (INFRASTRUCTURE, "environment: staging", "environment: production")
    },
    flow.the_same_commit_goes_everywhere: {
        "another commit in production": (SHIP, "commit: ${{ inputs.commit }}", "commit: main"),
        "the branch registered instead of the commit": (
            DEPLOY,
            "COMMIT: ${{ inputs.commit }}",
            "COMMIT: ${{ github.ref }}",
        ),
        "newest commit deployed instead of the tested one": (DEPLOY, "          ref: ${{ inputs.commit }}\n", ""),
    },
    flow.the_digest_that_was_built_is_deployed: {
        "another image in production": (SHIP, "digest: ${{ needs.build.outputs.digest }}", "digest: ''"),
        "any image of the commit deployed": (DEPLOY, ' --digest "$DIGEST"', ""),
    },
    flow.the_reviewed_plan_is_applied: {
        "any plan applied": (APPLY, ' --plan-hash "$PLAN_HASH"', ""),
        "service created without a plan": (DEPLOY, ' --plan-hash "$PLAN_HASH"', ""),
    },
    flow.teardown_checks_what_was_typed: {
        "confirmation ignored": (TEARDOWN, '--confirm "$CONFIRM"', '--confirm "$ENVIRONMENT"'),
        "confirmation filled in": (TEARDOWN, "CONFIRM: ${{ inputs.confirm }}", "CONFIRM: ${{ inputs.environment }}"),
        "teardown of its own role": (TEARDOWN, " --keep-bootstrap", ""),
    },
    flow.drills_do_not_overlap_deploys: {
        "drill during a deploy": (
            DRILL,
            "group: deploy-${{ inputs.environment }}",
            "group: drill-${{ inputs.environment }}",
        )
    },
    flow.a_rollback_waits_for_no_deploy: {
        "rollback that waits for the deploy it is to stop": (ROLLBACK, "group: rollback-", "group: deploy-")
    },
    flow.a_drill_checks_what_was_typed: {
        "drill of what was not typed": (DRILL, "CONFIRM: ${{ inputs.confirm }}", "CONFIRM: ${{ inputs.environment }}")
    },
    drift.schedules_avoid_the_full_hour: {"drift at the full hour": (DRIFT, 'cron: "23 5', 'cron: "0 5')},
    drift.drift_looks_at_all_that_runs: {
        "drift without history": (
            DRIFT,
            "          fetch-depth: 0 # what serves is compared with its own commit\n",
            "",
        ),
        "scan of another commit's image": (DRIFT, "scan --live", "scan --image"),
    },
    drift.one_environments_drift_hides_no_others: {
        "drift of staging hides production's": (DRIFT, "fail-fast: false", "fail-fast: true")
    },
    flow.an_image_is_proven_before_it_is_deployed: {
        "image not scanned": (SHIP, "gitops scan", "gitops sbom"),
        "another image attested": (SHIP, "steps.build.outputs.digest", "inputs.commit"),
        "attestation nobody can verify": (DEPLOY, "          GH_TOKEN: ${{ github.token }}\n", ""),
    },
    flow.what_came_of_a_deploy_is_told: {
        "failed deploy that tells nobody": (DEPLOY, "if: always() && steps", "if: steps"),
        "rollback told with another verdict": (
            ROLLBACK,
            "VERDICT: ${{ steps.roll.outputs.verdict }}",
            "VERDICT: succeeded",
        ),
        "deploy made red by its comment": (DEPLOY, "        continue-on-error: true\n", ""),
    },
    flow.a_review_holds_every_part: {
        "pull request that writes its own review": (
            CHECK,
            "          ref: ${{ github.event.pull_request.base.sha }}\n",
            "",
        ),
        "plan left out of the review": (CHECK, "name: review-plan", "name: plan"),
    },
}


@pytest.mark.parametrize(
    ("rule", "mutation"), [(rule, name) for rule, mutations in MUTATIONS.items() for name in mutations]
)
def test_a_mutation_is_caught(rule: Rule, mutation: str, ours: GitHubFiles) -> None:
    assert set(rule(ours.mutated(*MUTATIONS[rule][mutation]))) - set(rule(ours))


def test_every_rule_is_shown_to_fail() -> None:
    assert {*RULES} == MUTATIONS.keys()
