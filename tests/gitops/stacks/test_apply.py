"""apply against the emulator: made, changed, refused, failed and taken up again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.gitops.stacks.conftest import BROKEN, NETWORK, SERVICE, Ran, Repository

Gitops = Callable[..., Ran]


def made(repository: Repository, gitops: Gitops) -> None:
    assert gitops("apply", repository.name, "--stack", "bootstrap").code == 0
    assert gitops("apply", repository.name).code == 0


def test_a_new_environment_says_that_bootstrap_comes_first(repository: Repository, gitops: Gitops) -> None:
    ran = gitops("apply", repository.name)
    assert ran.code == 1
    assert f"gitops apply {repository.name} --stack bootstrap" in ran.err
    assert repository.status("network") == ""


def test_stacks_are_made_in_order_with_tags_and_protection(repository: Repository, gitops: Gitops) -> None:
    made(repository, gitops)
    stacks = {stack["StackName"]: stack for stack in repository.client("cloudformation").describe_stacks()["Stacks"]}
    service = stacks[f"demo-{repository.name}-service-web"]
    assert service["EnableTerminationProtection"] is True
    assert {tag["Key"]: tag["Value"] for tag in service["Tags"]} == {
        "Project": "demo",
        "Environment": repository.name,
        "Service": "web",
    }
    parameters = {one["ParameterKey"]: one["ParameterValue"] for one in service["Parameters"]}
    assert parameters["QueueName"] == f"{repository.name}-first"
    assert parameters["ServiceEnabled"] == "false"


def test_the_end_tells_what_each_stack_took(repository: Repository, gitops: Gitops) -> None:
    gitops("apply", repository.name, "--stack", "bootstrap")
    last = gitops("apply", repository.name).out.splitlines()[-3:]
    assert [line.split()[:2] for line in last[:2]] == [["network", "created"], ["service-web", "created"]]
    assert last[2].startswith("all")
    assert last[2].endswith(" s")


def test_applying_twice_changes_nothing(repository: Repository, gitops: Gitops) -> None:
    made(repository, gitops)
    ran = gitops("apply", repository.name)
    assert ran.code == 0
    assert ran.out.count("no changes") == 4
    left = repository.client("cloudformation").list_change_sets(StackName=f"demo-{repository.name}-network")
    assert all(one["ExecutionStatus"].startswith("EXECUTE") for one in left["Summaries"])


def test_a_service_is_enabled_once_its_family_has_a_revision(repository: Repository, gitops: Gitops) -> None:
    # A referenced parameter, since this emulator does not count a resource whose condition turns true as a change.
    repository.template("service", SERVICE.replace("DisplayName: !Ref QueueName", "DisplayName: !Ref ServiceEnabled"))
    made(repository, gitops)
    repository.client("ecs").register_task_definition(
        family=f"web-{repository.name}", containerDefinitions=[{"name": "web", "image": "web"}]
    )
    assert gitops("apply", repository.name).code == 0
    topics = repository.client("sns").list_topics()["Topics"]
    assert any(topic["TopicArn"].endswith(f":web-{repository.name}-extra") for topic in topics)


def test_a_failed_create_names_the_first_failed_event_and_can_be_taken_up(
    repository: Repository, gitops: Gitops
) -> None:
    made(repository, gitops)
    repository.settings(stacks="{bootstrap: {}, network: {}, extra: {}}")
    repository.template("extra", BROKEN)
    ran = gitops("apply", repository.name, "--stack", "extra")
    assert ran.code == 1
    assert "Stream (AWS::Logs::LogStream) CREATE_FAILED: AWS::Logs::LogStream: The specified log group" in ran.err
    assert len(ran.err.strip().splitlines()) == 1
    assert repository.status("extra") == "ROLLBACK_COMPLETE"

    planned = gitops("plan", repository.name, "--stack", "extra")
    assert "create" in planned.out
    assert repository.status("extra") == "ROLLBACK_COMPLETE"

    repository.client("logs").create_log_group(logGroupName=repository.name)
    repository.template("extra", BROKEN.replace("a-group-that-is-not-there", repository.name))
    ran = gitops("apply", repository.name, "--stack", "extra")
    assert ran.code == 0, ran.err
    assert repository.status("extra") == "CREATE_COMPLETE"


def test_a_failed_update_rolls_back_and_the_next_goes_on(repository: Repository, gitops: Gitops) -> None:
    made(repository, gitops)
    stream = "  Stream:\n    Type: AWS::Logs::LogStream\n    Properties: {LogGroupName: not-there}\nOutputs:"
    repository.template("network", NETWORK.replace("Outputs:", stream))
    ran = gitops("apply", repository.name)
    assert ran.code == 1
    assert "UPDATE_ROLLBACK_COMPLETE: Stream (AWS::Logs::LogStream)" in ran.err
    repository.template("network", NETWORK)
    assert gitops("apply", repository.name).code == 0


def test_a_create_that_was_never_executed_is_made_anew(repository: Repository, gitops: Gitops) -> None:
    assert gitops("apply", repository.name, "--stack", "bootstrap").code == 0
    repository.client("cloudformation").create_change_set(
        StackName=f"demo-{repository.name}-network",
        ChangeSetName="abandoned",
        ChangeSetType="CREATE",
        TemplateBody=NETWORK,
        Parameters=[{"ParameterKey": "Environment", "ParameterValue": "x"}],
    )
    assert repository.status("network") == "REVIEW_IN_PROGRESS"
    assert gitops("apply", repository.name).code == 0
    assert repository.status("network") == "CREATE_COMPLETE"


def test_an_interrupted_create_leaves_no_change_set_and_no_stack(
    repository: Repository, gitops: Gitops, monkeypatch: Any
) -> None:
    from gitops.cloudformation import CloudFormation

    assert gitops("apply", repository.name, "--stack", "bootstrap").code == 0

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(CloudFormation, "execute", interrupt)
    ran = gitops("apply", repository.name)
    assert ran.code == 130
    assert f"demo-{repository.name}-network" in ran.err
    assert repository.status("network") in ("", "DELETE_COMPLETE")


def test_the_reviewed_plan_is_applied(repository: Repository, gitops: Gitops) -> None:
    made(repository, gitops)
    repository.template("network", NETWORK.replace("first", "second"))
    planned = gitops("plan", repository.name, "--stack", "network", "--out", "plan.json")
    digest = planned.out.strip().splitlines()[-1].removeprefix("plan hash ")
    assert gitops("apply", repository.name, "--stack", "network", "--plan-hash", digest).code == 0


def test_a_plan_that_was_not_reviewed_is_refused_and_says_what_differs(repository: Repository, gitops: Gitops) -> None:
    made(repository, gitops)
    gitops("plan", repository.name, "--out", "plan.json")
    repository.template("network", NETWORK.replace("first", "second"))
    ran = gitops("apply", repository.name, "--plan", "plan.json")
    assert ran.code == 1
    assert "not the one reviewed" in ran.err
    assert "network: + replace Queue (AWS::SQS::Queue)" in ran.err
    queues = repository.client("sqs").list_queues(QueueNamePrefix=f"{repository.name}-second")
    assert not queues.get("QueueUrls")


def test_an_empty_hash_is_refused(repository: Repository, gitops: Gitops) -> None:
    ran = gitops("apply", repository.name, "--plan-hash", "")
    assert (ran.code, "--plan-hash is empty" in ran.err) == (1, True)


def test_a_missing_output_names_the_stack_to_apply(repository: Repository, gitops: Gitops) -> None:
    assert gitops("apply", repository.name, "--stack", "bootstrap").code == 0
    ran = gitops("apply", repository.name, "--stack", "service-web")
    assert ran.code == 1
    assert f"gitops apply {repository.name} --stack network" in ran.err


def test_a_template_that_cloudformation_refuses_is_one_line(repository: Repository, gitops: Gitops) -> None:
    assert gitops("apply", repository.name, "--stack", "bootstrap").code == 0
    repository.template("network", NETWORK.replace("AWS::SQS::Queue", "AWS::SQS::Nothing"))
    ran = gitops("apply", repository.name)
    assert ran.code == 1
    assert "refuses the template" in ran.err
    assert repository.status("network") == ""


def test_credentials_of_another_account_are_refused(repository: Repository, gitops: Gitops) -> None:
    path = repository.root / "infra/environments" / f"{repository.name}.yaml"
    path.write_text(path.read_text().replace("000000000000", "123456789012"))
    ran = gitops("apply", repository.name, "--stack", "bootstrap")
    assert ran.code == 1
    assert "000000000000" in ran.err
