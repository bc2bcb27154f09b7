"""What a runner does not evaluate, asserted from the files; and mutations that show each rule can fail."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.github import drift, files, flow, roles, scripts, shape
from tests.github.expected import MAIN
from tests.github.files import GitHubFiles

Rule = Callable[[GitHubFiles], list[str]]
RULES: tuple[Rule, ...] = (*shape.RULES, *scripts.RULES, *roles.RULES, *flow.RULES, *drift.RULES)

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


MUTATIONS: dict[str, tuple[str, str, str, Rule]] = {
    "permission removed": (
        SHIP,
        "      attestations: write # to keep what was signed\n",
        "",
        shape.permissions_are_exact,
    ),
    "permission widened": (CHECK, "contents: read # to", "contents: write # to", shape.permissions_are_exact),
    "permissions for the whole workflow": (
        SERVICE,
        "permissions: {}",
        "permissions: write-all",
        shape.permissions_are_exact,
    ),
    "permission without a reason": (DEPLOY, " # to check out", "", shape.each_permission_has_its_reason),
    "action unpinned": (CHECK, CHECKOUT, "actions/checkout@v7", shape.outside_actions_are_pinned),
    "pin without its version": (TEARDOWN, CHECKOUT, CHECKOUT.split(" #")[0], shape.outside_actions_are_pinned),
    "two pins of one action": (APPLY, "3d3c42e5", "3d3c42e6", shape.one_pin_per_action),
    "timeout lost": (DEPLOY, "    timeout-minutes: 30\n", "", shape.jobs_have_limits_and_names),
    "timeout of a day": (APPLY, "timeout-minutes: 60", "timeout-minutes: 1440", shape.jobs_have_limits_and_names),
    "credentials kept": (
        CHECK,
        "persist-credentials: false",
        "persist-credentials: true",
        shape.checkouts_keep_no_credentials,
    ),
    "branch filter lost": (SERVICE, f"    branches: [{MAIN['branches'][0]}]\n", "", shape.triggers_are_exact),
    "required input made optional": (TEARDOWN, "required: true", "required: false", shape.triggers_are_exact),
    "deploy cancelled by the next": (
        SHIP,
        "cancel-in-progress: false",
        "cancel-in-progress: true",
        shape.concurrency_is_exact,
    ),
    "infrastructure cancelled by the next": (
        INFRASTRUCTURE,
        "cancel-in-progress: false",
        "cancel-in-progress: true",
        shape.concurrency_is_exact,
    ),
    "one group for both environments": (SHIP, "deploy-production-", "deploy-staging-", shape.concurrency_is_exact),
    "a secret of GitHub's": (AWS, "steps.role.outputs.role-arn", "secrets.ROLE_ARN", shape.no_secrets_are_used),
    "a new job nobody decided on": (SERVICE, "  changes:\n", "  extra:\n", shape.jobs_are_the_expected),
    "expression in a script": (
        TEARDOWN,
        '--confirm "$CONFIRM"',
        "--confirm ${{ inputs.confirm }}",
        scripts.no_expression_reaches_a_script,
    ),
    "typo in a verb": (CHECK, "gitops diff", "gitops dif", scripts.each_script_is_one_verb),
    "typo in a verb's option": (APPLY, "--plan-hash", "--plan-hsh", scripts.each_script_is_one_verb),
    "option without its value": (SERVICE, '--base "$BASE"', "--base", scripts.each_script_is_one_verb),
    "a second command in a script": (
        CHECK,
        "bin/gitops check",
        "bin/gitops check && make stop",
        scripts.each_script_is_one_verb,
    ),
    "variable not quoted": (SHIP, '"$SERVICE"', "$SERVICE", scripts.each_script_is_one_verb),
    "variable never set": (SHIP, "          SERVICE: ${{ inputs.service }}\n", "", scripts.each_script_is_one_verb),
    "value that goes nowhere": (AWS, NAME_THE_ROLE, 'gitops role staging "$ROLE"', scripts.variables_are_used),
    "wrong output name": (APPLY, "steps.plan.outputs.plan-hash", "steps.plan.outputs.hash", scripts.outputs_exist),
    "wrong output name in an action": (AWS, "outputs.role-arn", "outputs.arn", scripts.outputs_exist),
    "condition on a value never set": (DEPLOY, "== 'exists'", "== 'exist'", scripts.compared_values_exist),
    "deploy as the infrastructure role": (DEPLOY, "role: deploy", "role: infrastructure", roles.jobs_assume_their_role),
    "role without id-token": (APPLY, "id-token: write # to assume the plan role", "", roles.jobs_assume_their_role),
    "apply without its reviewers": (
        APPLY,
        "environment }}-infrastructure",
        "environment }}",
        roles.environments_are_exact,
    ),
    "approved here, applied there": (
        TEARDOWN,
        "environment: ${{ inputs.environment }}",
        "environment: production",
        roles.roles_match_their_environment,
    ),
    "subject that no role trusts": (
        CHECK,
        "github.event_name == 'pull_request' &&",
        "",
        roles.the_roles_trust_these_jobs,
    ),
    "branch subject while the job has an environment": (
        SHIP,
        "    needs: test\n",
        "    needs: test\n    environment: staging\n",
        roles.the_roles_trust_these_jobs,
    ),
    "role that no job assumes any more": (
        DRIFT,
        "          role: drift\n",
        "          role: plan\n",
        roles.the_roles_trust_these_jobs,
    ),
    "cache in a job with a role": (
        SHIP,
        "actions/setup",
        "actions/setup\n        with: {cache: 'true'}",
        roles.credentials_and_cache_stay_apart,
    ),
    "images built where nobody looks": (
        SHIP,
        "environment: staging # whose",
        "environment: production # whose",
        roles.images_are_built_where_all_look,
    ),
    "production before staging": (SHIP, "needs: [build, staging]", "needs: build", flow.order_is_exact),
    "build before the tests": (SHIP, "needs: test", "needs: []", flow.order_is_exact),
    "apply before the policies": (INFRASTRUCTURE, "needs: policy", "needs: lint", flow.order_is_exact),
    "plan on a fork": (CHECK, "head.repo.full_name ==", "head.repo.full_name !=", flow.order_is_exact),
    "gate that may not run": (CHECK, "if: always()", "if: success()", flow.order_is_exact),
    "gate that misses a job": (
        CHECK,
        "[checks, tests, scan, diff, plan, comment]",
        "[checks, scan, diff, plan, comment]",
        flow.the_gate_waits_for_all,
    ),
    "gate that lets a skipped test through": (
        CHECK,
        "--may-skip plan",
        "--may-skip tests",
        flow.the_gate_waits_for_all,
    ),
    "environment left out of the plan": (
        CHECK,
        "[staging, production]",
        "[staging]",
        flow.every_environment_is_reached,
    ),
    "environment left out of the teardown": (
        TEARDOWN,
        "[staging, production]",
        "[staging]",
        flow.every_environment_is_reached,
    ),
    "environment left out of the deploy": (
        SHIP,
        "environment: production",
        "environment: staging",
        flow.every_environment_is_reached,
    ),
    "job named after another environment": (
        INFRASTRUCTURE,
        "environment: staging",
        "environment: production",
        flow.callers_name_the_job_by_its_environment,
    ),
    "another commit in production": (
        SHIP,
        "commit: ${{ inputs.commit }}",
        "commit: main",
        flow.the_same_commit_goes_everywhere,
    ),
    "the branch registered instead of the commit": (
        DEPLOY,
        "COMMIT: ${{ inputs.commit }}",
        "COMMIT: ${{ github.ref }}",
        flow.the_same_commit_goes_everywhere,
    ),
    "newest commit deployed instead of the tested one": (
        DEPLOY,
        "          ref: ${{ inputs.commit }}\n",
        "",
        flow.the_same_commit_goes_everywhere,
    ),
    "another image in production": (
        SHIP,
        "digest: ${{ needs.build.outputs.digest }}",
        "digest: ''",
        flow.the_digest_that_was_built_is_deployed,
    ),
    "any image of the commit deployed": (
        DEPLOY,
        ' --digest "$DIGEST"',
        "",
        flow.the_digest_that_was_built_is_deployed,
    ),
    "any plan applied": (APPLY, ' --plan-hash "$PLAN_HASH"', "", flow.the_reviewed_plan_is_applied),
    "service created without a plan": (
        DEPLOY,
        ' --plan-hash "$PLAN_HASH"',
        "",
        flow.the_reviewed_plan_is_applied,
    ),
    "confirmation ignored": (
        TEARDOWN,
        '--confirm "$CONFIRM"',
        '--confirm "$ENVIRONMENT"',
        flow.teardown_checks_what_was_typed,
    ),
    "confirmation filled in": (
        TEARDOWN,
        "CONFIRM: ${{ inputs.confirm }}",
        "CONFIRM: ${{ inputs.environment }}",
        flow.teardown_checks_what_was_typed,
    ),
    "drill during a deploy": (
        DRILL,
        "group: deploy-${{ inputs.environment }}",
        "group: drill-${{ inputs.environment }}",
        flow.drills_do_not_overlap_deploys,
    ),
    "rollback that waits for the deploy it is to stop": (
        ROLLBACK,
        "group: rollback-",
        "group: deploy-",
        flow.a_rollback_waits_for_no_deploy,
    ),
    "drill of what was not typed": (
        DRILL,
        "CONFIRM: ${{ inputs.confirm }}",
        "CONFIRM: ${{ inputs.environment }}",
        flow.a_drill_checks_what_was_typed,
    ),
    "teardown of its own role": (TEARDOWN, " --keep-bootstrap", "", flow.teardown_checks_what_was_typed),
    "drift on another day": (DRIFT, "1-5", "1-4", shape.triggers_are_exact),
    "drift at the full hour": (DRIFT, 'cron: "23 5', 'cron: "0 5', drift.schedules_avoid_the_full_hour),
    "environment left out of the drift": (
        DRIFT,
        "[staging, production]",
        "[staging]",
        flow.every_environment_is_reached,
    ),
    "drift as a role that changes things": (DRIFT, "role: drift", "role: plan", roles.jobs_assume_their_role),
    "drift without history": (
        DRIFT,
        "          fetch-depth: 0 # what serves is compared with its own commit\n",
        "",
        drift.drift_looks_at_all_that_runs,
    ),
    "scan of another commit's image": (DRIFT, "scan --live", "scan --image", drift.drift_looks_at_all_that_runs),
    "drift of staging hides production's": (
        DRIFT,
        "fail-fast: false",
        "fail-fast: true",
        drift.one_environments_drift_hides_no_others,
    ),
    "image not scanned": (SHIP, "gitops scan", "gitops sbom", flow.an_image_is_proven_before_it_is_deployed),
    "another image attested": (
        SHIP,
        "steps.build.outputs.digest",
        "inputs.commit",
        flow.an_image_is_proven_before_it_is_deployed,
    ),
    "attestation nobody can verify": (
        DEPLOY,
        "          GH_TOKEN: ${{ github.token }}\n",
        "",
        flow.an_image_is_proven_before_it_is_deployed,
    ),
    "failed deploy that tells nobody": (
        DEPLOY,
        "if: always() && steps",
        "if: steps",
        flow.what_came_of_a_deploy_is_told,
    ),
    "rollback told with another verdict": (
        ROLLBACK,
        "VERDICT: ${{ steps.roll.outputs.verdict }}",
        "VERDICT: succeeded",
        flow.what_came_of_a_deploy_is_told,
    ),
    "deploy made red by its comment": (
        DEPLOY,
        "        continue-on-error: true\n",
        "",
        flow.what_came_of_a_deploy_is_told,
    ),
    "pull request that writes its own review": (
        CHECK,
        "          ref: ${{ github.event.pull_request.base.sha }}\n",
        "",
        flow.a_review_holds_every_part,
    ),
    "plan left out of the review": (CHECK, "name: review-plan", "name: plan", flow.a_review_holds_every_part),
    "pull requests written by a job that runs their code": (
        CHECK,
        "contents: read # to check out\n    steps:",
        "contents: read # to check out\n      pull-requests: write # to comment\n    steps:",
        shape.permissions_are_exact,
    ),
    "attestation kept by nobody": (
        SHIP,
        "      attestations: write # to keep what was signed\n",
        "",
        shape.permissions_are_exact,
    ),
}


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_a_mutation_is_caught(mutation: str, ours: GitHubFiles) -> None:
    name, old, new, rule = MUTATIONS[mutation]
    assert set(rule(ours.mutated(name, old, new))) - set(rule(ours))


def test_every_rule_is_shown_to_fail() -> None:
    assert {rule.__name__ for rule in RULES} == {rule.__name__ for *_, rule in MUTATIONS.values()}
