"""Each workflow run by act against AWS on this machine, in the order of a service's life.

The tests of this module run in order and share one rehearsal.
"""

from __future__ import annotations

import json
import re

import pytest

from gitops import environments
from gitops.repository import Checkout
from gitops.stacks import order, templates
from rehearsal.identity import subject
from rehearsal.runner import command, events
from rehearsal.runner.workflows import called, read
from rehearsal.services import MADE
from tests.conftest import ROOT
from tests.rehearsal.runner.stage import Stage
from tests.rehearsal.ship.clone import SERVICE

SCENARIOS = {"infrastructure", "service", "check", "rollback", "teardown"}
CALLED = {name for workflow in read(Checkout(ROOT)).values() for job in workflow.jobs.values() if (name := called(job))}
BOOTSTRAP = {name for name in templates.names(Checkout(ROOT)) if order.group(name) == order.BOOTSTRAP}
OTHERS = sorted(set(read(Checkout(ROOT))) - SCENARIOS - CALLED)
STAGING = environments.load(Checkout(ROOT), "staging")
GITHUB = STAGING.github
WHO = subject(GITHUB, "")
BRANCH = f"{WHO}ref:refs/heads/{GITHUB.branch}"
GOOD = "success"
NAME = f"{GITHUB.owner}/{GITHUB.repository}"
REPOSITORY = f"/repos/{NAME}"


def test_infrastructure_makes_the_stacks_of_both_environments(stage: Stage) -> None:
    done = stage.run("infrastructure", stage.runner.push())

    assert done.results == {
        "Lint": GOOD,
        "Policy": GOOD,
        "Staging / Plan": GOOD,
        "Staging / Apply": GOOD,
        "Production / Plan": GOOD,
        "Production / Apply": GOOD,
    }
    assert done.code == 0
    assert done.posted == []
    assert done.subjects == [
        BRANCH,
        f"{WHO}environment:staging-infrastructure",
        BRANCH,
        f"{WHO}environment:production-infrastructure",
    ]
    for environment in ("staging", "production"):
        wanted = {unit.stack_name for unit in order.load(Checkout(stage.clone.path), stage.environment(environment))}
        assert set(stage.stacks(environment)) == wanted
        plan = done.jobs[f"{environment.title()} / Plan"]
        assert len(plan.steps["plan"].outputs["plan-hash"]) == 64
        assert plan.steps["plan"].outputs["plan-hash"] in plan.summary
        assert f"### apply {environment}" in done.jobs[f"{environment.title()} / Apply"].summary


def test_a_push_ships_the_service_to_production(stage: Stage) -> None:
    event = stage.runner.push()
    done = stage.run("service", event)

    deploys = ("Deploy", "Plan the service", "Create the service", "First deploy")
    assert done.results == {
        "Changes": GOOD,
        f"Ship {SERVICE} / Test": GOOD,
        f"Ship {SERVICE} / Build": GOOD,
        **{f"Staging / {job}": GOOD for job in deploys},
        **{f"Production / {job}": GOOD for job in deploys},
    }
    assert done.subjects == [
        BRANCH,
        *(
            f"{WHO}{ending}"
            for environment in ("staging", "production")
            for ending in (
                f"environment:{environment}",
                BRANCH.removeprefix(WHO),
                f"environment:{environment}-infrastructure",
                f"environment:{environment}",
            )
        ),
    ]
    assert done.jobs["Changes"].steps["changed"].outputs == {"services": json.dumps([SERVICE])}
    assert done.jobs["Staging / Deploy"].steps["register"].outputs["service"] == "missing"
    digest = done.jobs[f"Ship {SERVICE} / Build"].steps["build"].outputs["digest"]
    assert [(post["path"], post["body"]["digest"], post["body"]["predicate_type"]) for post in done.posted] == [
        (f"{REPOSITORY}/attestations", digest, "https://slsa.dev/provenance/v1"),
        (f"{REPOSITORY}/attestations", digest, "https://cyclonedx.org/bom"),
    ]
    # One image, built in staging's account, by its digest in both.
    assert stage.image("staging") == stage.image("production")
    assert f"{STAGING.repository(SERVICE)}:{event.sha}@{digest}" in stage.image("production")
    for environment in ("staging", "production"):
        stage.page(environment)
        assert f"serves in {environment}" in done.summary


def test_a_second_push_rolls_the_service_and_a_dispatch_rolls_it_back(stage: Stage) -> None:
    images = {name: stage.image(name) for name in ("staging", "production")}
    stage.clone.change_the_page("Bring an umbrella")
    stage.runner.pull_requests.propose(8, stage.clone.commit("Say what to bring"))
    # The first push ran all of its tests; a change of an environment runs those of templates.
    stage.runner.tests = "-k 'config or test_templates'"

    event = stage.runner.push()
    done = stage.run("service", event)

    assert done.code == 0
    for environment in ("Staging", "Production"):
        assert done.jobs[f"{environment} / Deploy"].steps["register"].outputs["service"] == "exists"
        # One approval for one environment: the jobs that make a new one are left out.
        assert done.results[f"{environment} / Plan the service"] == "skipped"
        assert done.results[f"{environment} / Create the service"] == "skipped"
        assert done.results[f"{environment} / First deploy"] == "skipped"
        assert "Bring an umbrella" in stage.page(environment.lower())
    # The merged pull request has one comment, which follows its change.
    assert [(post["method"], post["path"]) for post in done.posted if "attestations" not in post["path"]] == [
        ("POST", f"{REPOSITORY}/issues/8/comments"),
        ("PATCH", f"{REPOSITORY}/issues/comments/1000"),
    ]
    (comment,) = stage.comments(8)
    assert comment.startswith(f"**{SERVICE} reached staging and production**")
    assert f"| production | ✅ succeeded | {event.sha[:12]} | [report](https://github.com/{NAME}/" in comment

    back = stage.dispatch("rollback", environment="production", service=SERVICE)

    assert back.results == {"Roll back production": GOOD}, back.jobs
    assert back.subjects == [f"{WHO}environment:production"]
    assert stage.image("production") == images["production"]
    assert "Bring an umbrella" not in stage.page("production")
    assert "Bring an umbrella" in stage.page("staging")
    assert stage.image("staging") != images["staging"]
    (comment,) = stage.comments(8)
    assert comment.startswith(f"**{SERVICE} reached staging; taken back in production**")


def test_no_secret_reaches_the_log(stage: Stage) -> None:
    log = (stage.clone.path / ".rehearsal/workflows/last/act.log").read_text()
    made = json.loads((stage.clone.path / MADE).read_text())
    values = [value for secrets in made.values() for value in secrets.values()]
    assert values
    assert [value for value in values if value in log] == []


def test_a_pull_request_is_checked_planned_and_changes_nothing(stage: Stage) -> None:
    base = stage.clone.git("rev-parse", "HEAD").strip()
    file = stage.clone.path / "infra/environments/staging.yaml"
    text = file.read_text()
    assert 'LogRetentionDays: "14"' in text
    file.write_text(text.replace('LogRetentionDays: "14"', 'LogRetentionDays: "30"'))
    head = stage.clone.commit("Keep staging's logs longer")
    before = {name: (stage.stacks(name), stage.change_sets(name)) for name in ("staging", "production")}

    done = stage.run("check", stage.runner.pull_request(base, head))

    assert done.code == 0, "\n".join(job.log for job in done.jobs.values() if job.result != GOOD)
    assert done.results == dict.fromkeys(
        ("Checks", "Tests", "Scan", "Diff", "Plan (staging)", "Plan (production)", "Comment", "Gate"), GOOD
    )
    assert [(post["method"], post["path"]) for post in done.posted] == [("POST", f"{REPOSITORY}/issues/7/comments")]
    (comment,) = stage.comments(7)
    assert comment.startswith("**Rendered task definitions and environments: 0 added, 1 changed, 0 removed; ")
    assert comment.index("### staging: changes in ") < comment.index("### production: no changes in")
    assert re.search(r"^-.*LogRetentionDays.*14", comment, re.MULTILINE), comment
    assert done.subjects == [f"{WHO}pull_request"] * 2
    assert "LogRetentionDays" in done.jobs["Diff"].summary
    assert "changed" in done.jobs["Plan (staging)"].summary
    assert before == {name: (stage.stacks(name), stage.change_sets(name)) for name in ("staging", "production")}

    file.write_text(text.replace('LogRetentionDays: "14"', 'LogRetentionDays: "60"'))
    again = stage.run("check", stage.runner.pull_request(base, stage.clone.commit("Even longer")), job="comment")

    assert [post["method"] for post in again.posted] == ["PATCH"]
    (comment,) = stage.comments(7)
    assert re.search(r"^\+.*LogRetentionDays.*60", comment, re.MULTILINE), comment
    stage.clone.git("reset", "--quiet", "--hard", base)


def test_a_forks_pull_request_is_reviewed_without_credentials(stage: Stage) -> None:
    head = stage.clone.git("rev-parse", "HEAD").strip()
    event = stage.runner.pull_request(head, head, fork=True)
    plan = stage.run("check", event, job="plan")
    assert set(plan.results.values()) == {"skipped"}
    diff = stage.run("check", event, job="diff")
    assert diff.results == {"Diff": GOOD}
    assert plan.subjects + diff.subjects == []


def test_the_merge_queue_has_no_role(stage: Stage) -> None:
    head = stage.clone.git("rev-parse", "HEAD").strip()
    sha = stage.runner.repository.with_settings(head)
    done = stage.run("check", events.merge_group(stage.runner.github, sha, sha), job="plan")
    assert set(done.results.values()) == {"skipped"}
    assert done.subjects == []


def test_a_commit_that_exits_at_start_is_red_at_staging_and_goes_no_further(stage: Stage) -> None:
    good = stage.clone.git("rev-parse", "HEAD").strip()
    images = {name: stage.image(name) for name in ("staging", "production")}
    # Its tests pass: only an image of a commit has the commit's whole id.
    settings = stage.clone.path / f"services/{SERVICE}/gunicorn.conf.py"
    exits = (
        'import os\n\nif len(os.environ.get("COMMIT", "")) == 40:\n    raise SystemExit("no calibrated barometer")\n'
    )
    settings.write_text(f"{settings.read_text()}\n{exits}")
    stage.runner.pull_requests.propose(9, stage.clone.commit("Forget the barometer"))

    done = stage.run("service", stage.runner.push())

    assert done.code != 0
    assert done.results[f"Ship {SERVICE} / Build"] == GOOD
    assert done.results["Staging / Deploy"] == "failure"
    assert {name for name, result in done.results.items() if result == "failure"} == {"Staging / Deploy"}
    reached = {name for name, result in done.results.items() if name.startswith("Production") and result != "skipped"}
    assert reached == set()
    assert f"{WHO}environment:production" not in done.subjects
    report = done.jobs["Staging / Deploy"].summary
    assert "rolled back" in report.lower()
    assert "no calibrated barometer" in report
    assert images == {name: stage.image(name) for name in ("staging", "production")}
    for environment in ("staging", "production"):
        stage.page(environment)
    (comment,) = stage.comments(9)
    assert comment.startswith(f"**{SERVICE} has reached no environment; rolled back in staging**")
    assert "| staging | ❌ rolled back |" in comment
    assert f"[report](https://github.com/{NAME}/actions/runs/" in comment
    assert "| production | not yet |" in comment
    stage.clone.git("reset", "--quiet", "--hard", good)


@pytest.mark.parametrize("name", OTHERS)
def test_every_other_workflow_succeeds(stage: Stage, name: str) -> None:
    """A workflow that comes later is run as ``make workflows`` runs it."""
    workflow = stage.workflows[name]
    answers = dict(command.everything(Checkout(stage.clone.path), stage.workflows))[name]
    done = stage.run(name, stage.runner.event(workflow, None, answers))
    assert done.code == 0, "\n".join(job.log for job in done.jobs.values() if job.result == "failure")
    assert done.jobs
    assert set(done.results.values()) <= {GOOD, "skipped"}


def test_a_port_opened_by_hand_is_found_in_the_morning(stage: Stage) -> None:
    ec2, stack = stage.client("production", "ec2"), stage.environment("production").stack_name("service", SERVICE)
    resources = stage.client("production", "cloudformation").describe_stack_resources(StackName=stack)
    group = next(
        one["PhysicalResourceId"]
        for one in resources["StackResources"]
        if one["LogicalResourceId"] == "TaskSecurityGroup"
    )
    rule = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])

    done = stage.run("drift", stage.runner.event(stage.workflows["drift"], "schedule", {}), job="drift")

    # Of a matrix act calls every job failed that ends after one that did: the steps tell them apart.
    compared = {
        name: next(step.result for step in job.steps.values() if "Compare" in step.name)
        for name, job in done.jobs.items()
    }
    assert compared == {"Drift (staging)": GOOD, "Drift (production)": "failure"}
    report = done.jobs["Drift (production)"]
    assert "TaskSecurityGroup (AWS::EC2::SecurityGroup) was changed by hand: SecurityGroupIngress[1]" in report.log
    assert "TaskSecurityGroup" in report.summary
    ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[rule])


def test_a_teardown_with_another_name_typed_touches_nothing(stage: Stage) -> None:
    before = {name: stage.stacks(name) for name in ("staging", "production")}
    done = stage.dispatch("teardown", environment="production", confirm="staging")
    assert done.results == {"Tear down production": "failure"}
    assert "is not the name of the environment: nothing was touched" in done.jobs["Tear down production"].log
    assert before == {name: stage.stacks(name) for name in ("staging", "production")}
    stage.page("production")


@pytest.mark.parametrize(
    ("environment", "kept"), [("production", BOOTSTRAP), ("staging", {*BOOTSTRAP, f"repository-{SERVICE}"})]
)
def test_a_teardown_leaves_nothing_but_what_holds_its_own_role(stage: Stage, environment: str, kept: set[str]) -> None:
    done = stage.dispatch("teardown", environment=environment, confirm=environment)
    assert done.results == {f"Tear down {environment}": GOOD}
    assert done.subjects == [f"{WHO}environment:{environment}-teardown"]
    assert f"{environment}: verified empty" in done.jobs[f"Tear down {environment}"].log
    described = stage.environment(environment)
    # Production takes its images from staging's repository, which therefore stays until production names another.
    assert set(stage.stacks(environment)) == {described.stack_name(stack) for stack in kept}
    assert stage.client(environment, "ecs").list_task_definitions()["taskDefinitionArns"] == []
    assert stage.client(environment, "ecs").list_clusters()["clusterArns"] == []
    assert stage.client(environment, "ssm").describe_parameters()["Parameters"] == []
    assert stage.client(environment, "logs").describe_log_groups()["logGroups"] == []
    assert stage.client(environment, "s3").list_buckets()["Buckets"] == []
    assert stage.client(environment, "elbv2").describe_load_balancers()["LoadBalancers"] == []
    assert stage.client(environment, "secretsmanager").list_secrets()["SecretList"] == []
    names = {role["RoleName"] for role in stage.client(environment, "iam").list_roles()["Roles"]}
    assert all(name.startswith(f"{STAGING.project}-{environment}-") for name in names), names


def test_every_workflow_was_run_and_every_permission_used_or_explained(
    stage: Stage, request: pytest.FixtureRequest
) -> None:
    if request.config.option.keyword or any("::" in word for word in request.config.args):
        pytest.skip("only some of the tests of this module were asked for")
    assert stage.ran | CALLED == set(stage.workflows)
    used = stage.proven()
    assert used
    assert {one.role.name: one.unexplained for one in used if one.unexplained} == {}, "neither used nor explained"
    assert {one.role.name: one.needless for one in used if one.needless} == {}, "used, though a reason says not"
