"""apply against the emulator: made, changed, refused, failed and taken up again."""

from __future__ import annotations

import pytest

from gitops.cloudformation import CloudFormation
from tests.gitops.stacks.conftest import BROKEN, NETWORK, SERVICE, Repository


def test_stacks_are_made_in_order_with_tags_and_protection(applied: Repository) -> None:
    stacks = {stack["StackName"]: stack for stack in applied.client("cloudformation").describe_stacks()["Stacks"]}
    service = stacks[f"demo-{applied.name}-service-web"]
    assert service["EnableTerminationProtection"] is True
    assert {tag["Key"]: tag["Value"] for tag in service["Tags"]} == {
        "Project": "demo",
        "Environment": applied.name,
        "Service": "web",
    }
    parameters = {one["ParameterKey"]: one["ParameterValue"] for one in service["Parameters"]}
    assert parameters["QueueName"] == f"{applied.name}-first"
    assert parameters["ServiceEnabled"] == "false"


def test_the_end_tells_what_each_stack_took(repository: Repository) -> None:
    repository.gitops("apply", "--stack", "bootstrap")
    last = repository.gitops("apply").out.splitlines()[-3:]
    assert [line.split()[:2] for line in last[:2]] == [["network", "created"], ["service-web", "created"]]
    assert last[2].startswith("all")
    assert last[2].endswith(" s")


def test_applying_twice_changes_nothing(applied: Repository) -> None:
    ran = applied.gitops("apply")
    assert ran.code == 0
    assert ran.out.count("no changes") == 4
    left = applied.client("cloudformation").list_change_sets(StackName=f"demo-{applied.name}-network")
    assert all(one["ExecutionStatus"].startswith("EXECUTE") for one in left["Summaries"])


def test_a_service_is_enabled_once_its_family_has_a_revision(applied: Repository) -> None:
    # A referenced parameter, since this emulator does not count a resource whose condition turns true as a change.
    applied.template("service", SERVICE.replace("DisplayName: !Ref QueueName", "DisplayName: !Ref ServiceEnabled"))
    assert applied.gitops("apply").code == 0
    applied.client("ecs").register_task_definition(
        family=f"web-{applied.name}", containerDefinitions=[{"name": "web", "image": "web"}]
    )
    assert applied.gitops("apply").code == 0
    topics = applied.client("sns").list_topics()["Topics"]
    assert any(topic["TopicArn"].endswith(f":web-{applied.name}-extra") for topic in topics)


def test_a_failed_create_names_the_first_failed_event_and_can_be_taken_up(applied: Repository) -> None:
    applied.settings(stacks="{bootstrap: {}, network: {}, extra: {}}")
    applied.template("extra", BROKEN)
    ran = applied.gitops("apply", "--stack", "extra")
    assert ran.code == 1
    assert "Stream (AWS::Logs::LogStream) CREATE_FAILED: AWS::Logs::LogStream: The specified log group" in ran.err
    assert len(ran.err.strip().splitlines()) == 1
    assert applied.status("extra") == "ROLLBACK_COMPLETE"

    planned = applied.gitops("plan", "--stack", "extra")
    assert "create" in planned.out
    assert applied.status("extra") == "ROLLBACK_COMPLETE"

    applied.client("logs").create_log_group(logGroupName=applied.name)
    applied.template("extra", BROKEN.replace("a-group-that-is-not-there", applied.name))
    ran = applied.gitops("apply", "--stack", "extra")
    assert ran.code == 0, ran.err
    assert applied.status("extra") == "CREATE_COMPLETE"


def test_a_failed_update_rolls_back_and_the_next_goes_on(applied: Repository) -> None:
    stream = "  Stream:\n    Type: AWS::Logs::LogStream\n    Properties: {LogGroupName: not-there}\nOutputs:"
    applied.template("network", NETWORK.replace("Outputs:", stream))
    ran = applied.gitops("apply")
    assert ran.code == 1
    assert "UPDATE_ROLLBACK_COMPLETE: Stream (AWS::Logs::LogStream)" in ran.err
    applied.template("network", NETWORK)
    assert applied.gitops("apply").code == 0


def test_a_create_that_was_never_executed_is_made_anew(repository: Repository) -> None:
    assert repository.gitops("apply", "--stack", "bootstrap").code == 0
    repository.client("cloudformation").create_change_set(
        StackName=f"demo-{repository.name}-network",
        ChangeSetName="abandoned",
        ChangeSetType="CREATE",
        TemplateBody=NETWORK,
        Parameters=[{"ParameterKey": "Environment", "ParameterValue": "x"}],
    )
    assert repository.status("network") == "REVIEW_IN_PROGRESS"
    assert repository.gitops("apply").code == 0
    assert repository.status("network") == "CREATE_COMPLETE"


def test_an_interrupted_create_leaves_no_change_set_and_no_stack(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert repository.gitops("apply", "--stack", "bootstrap").code == 0

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(CloudFormation, "execute", interrupt)
    ran = repository.gitops("apply")
    assert ran.code == 130
    assert f"demo-{repository.name}-network" in ran.err
    assert repository.status("network") in ("", "DELETE_COMPLETE")


def test_the_reviewed_plan_is_applied(applied: Repository) -> None:
    applied.template("network", NETWORK.replace("first", "second"))
    planned = applied.gitops("plan", "--stack", "network", "--out", "plan.json")
    digest = planned.out.strip().splitlines()[-1].removeprefix("plan hash ")
    assert applied.gitops("apply", "--stack", "network", "--plan-hash", digest).code == 0


def test_a_plan_that_was_not_reviewed_is_refused_and_says_what_differs(applied: Repository) -> None:
    applied.gitops("plan", "--out", "plan.json")
    applied.template("network", NETWORK.replace("first", "second"))
    ran = applied.gitops("apply", "--plan", "plan.json")
    assert ran.code == 1
    assert "not the one reviewed" in ran.err
    assert "network: + replace Queue (AWS::SQS::Queue)" in ran.err
    queues = applied.client("sqs").list_queues(QueueNamePrefix=f"{applied.name}-second")
    assert not queues.get("QueueUrls")


def test_an_empty_hash_is_refused(repository: Repository) -> None:
    ran = repository.gitops("apply", "--plan-hash", "")
    assert (ran.code, "--plan-hash is empty" in ran.err) == (1, True)


def test_what_cannot_be_applied_is_one_line_with_the_next_step(repository: Repository) -> None:
    assert repository.gitops("apply", "--stack", "bootstrap").code == 0
    without_output = repository.gitops("apply", "--stack", "service-web")
    repository.template("network", NETWORK.replace("AWS::SQS::Queue", "AWS::SQS::Nothing"))
    refused = repository.gitops("apply")
    assert (without_output.code, refused.code) == (1, 1)
    assert f"gitops apply {repository.name} --stack network" in without_output.err
    assert "refuses the template" in refused.err
    assert repository.status("network") == ""


def test_credentials_of_another_account_are_refused(repository: Repository) -> None:
    path = repository.root / "infra/environments" / f"{repository.name}.yaml"
    path.write_text(path.read_text().replace("000000000000", "123456789012"))
    ran = repository.gitops("apply", "--stack", "bootstrap")
    assert ran.code == 1
    assert "000000000000" in ran.err
