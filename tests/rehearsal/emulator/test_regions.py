"""Environments in two regions side by side: what a call means is decided by the region that it is signed for."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError

from tests.rehearsal.emulator.account import ACCOUNT, Account, eventually
from tests.rehearsal.emulator.image import call, push, registry_token
from tests.rehearsal.emulator.service import Service, lay

HERE, THERE = "us-east-1", "ap-southeast-2"
REGIONS = (HERE, THERE)
TEMPLATE = """
Resources:
  Vpc: {Type: "AWS::EC2::VPC", Properties: {CidrBlock: 10.1.0.0/16}}
  Address: {Type: "AWS::EC2::EIP", Properties: {Domain: vpc}}
  Images: {Type: "AWS::ECR::Repository", Properties: {RepositoryName: of-a-stack}}
  Logs: {Type: "AWS::Logs::LogGroup", Properties: {LogGroupName: !Sub "/${AWS::Region}/of-a-stack"}}
Outputs:
  Region: {Value: !Ref "AWS::Region"}
  Logs: {Value: !GetAtt Logs.Arn}
  Images: {Value: !GetAtt Images.RepositoryUri}
"""


def test_a_stack_of_one_name_in_each_region(account: Account) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/pseudo-parameter-reference.html (AWS::Region)"""
    clients = {region: account.client("cloudformation", region=region) for region in REGIONS}
    for region, client in clients.items():
        account.stack("create", "regional", TEMPLATE, region)
        [stack] = client.describe_stacks()["Stacks"]
        assert stack["StackId"].startswith(f"arn:aws:cloudformation:{region}:{ACCOUNT}:stack/regional/")
        outputs = {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}
        assert outputs["Region"] == region
        assert outputs["Logs"].startswith(f"arn:aws:logs:{region}:{ACCOUNT}:log-group:/{region}/")
        assert outputs["Images"] == f"127.0.0.1:{account.port}/{ACCOUNT}/{region}/of-a-stack"
        addresses = account.client("ec2", region=region).describe_addresses()["Addresses"]
        assert len(addresses) == 1
        detection = client.detect_stack_drift(StackName="regional")["StackDriftDetectionId"]
        ended = client.describe_stack_drift_detection_status(StackDriftDetectionId=detection)
        assert ended["StackDriftStatus"] == "IN_SYNC"
    account.stack("delete", "regional", region=HERE)
    assert clients[HERE].describe_stacks()["Stacks"] == []
    assert account.client("ec2", region=HERE).describe_addresses()["Addresses"] == []
    assert len(account.client("ec2", region=THERE).describe_addresses()["Addresses"]) == 1
    [left] = clients[THERE].describe_stacks()["Stacks"]
    assert left["StackStatus"] == "CREATE_COMPLETE"
    account.stack("delete", "regional", region=THERE)


def test_a_registry_in_each_region(account: Account) -> None:
    """https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html ("in each AWS Region")"""
    ecr = {region: account.client("ecr", region=region) for region in REGIONS}
    token = {region: registry_token(account, region=region) for region in REGIONS}
    ecr[HERE].create_repository(repositoryName="team/app")
    reference = push(account, "team/app", "v1", registry=f"{ACCOUNT}/{HERE}")
    digest = reference.partition("@")[2]
    assert reference.startswith(f"127.0.0.1:{account.port}/{ACCOUNT}/{HERE}/team/app:v1@")
    here, there = (f"/v2/{ACCOUNT}/{region}/team/app/manifests/v1" for region in REGIONS)
    assert call(account, "GET", here, token[HERE])[0] == 200
    # The same name elsewhere is another repository: unknown, then empty, then with an image of its own.
    assert call(account, "GET", there, token[THERE])[0] == 404
    with pytest.raises(ClientError, match="RepositoryNotFoundException"):
        ecr[THERE].describe_images(repositoryName="team/app")
    ecr[THERE].create_repository(repositoryName="team/app")
    assert ecr[THERE].describe_images(repositoryName="team/app")["imageDetails"] == []
    assert call(account, "GET", there, token[THERE])[0] == 404
    other = push(account, "team/app", "v1", "exits", registry=f"{ACCOUNT}/{THERE}").partition("@")[2]
    assert other != digest
    images = {region: ecr[region].describe_images(repositoryName="team/app")["imageDetails"] for region in REGIONS}
    assert [one["imageDigest"] for one in images[HERE]] == [digest]
    assert [one["imageDigest"] for one in images[THERE]] == [other]
    ecr[THERE].delete_repository(repositoryName="team/app", force=True)
    assert call(account, "GET", here, token[HERE])[0] == 200
    ecr[HERE].delete_repository(repositoryName="team/app", force=True)


def test_a_registry_token_is_good_in_its_own_region(account: Account) -> None:
    """aws/eks-anywhere-packages#697"""
    account.client("ecr", region=HERE).create_repository(repositoryName="guarded")
    path = f"/v2/{ACCOUNT}/{HERE}/guarded/tags/list"
    assert call(account, "GET", path, registry_token(account, region=HERE))[0] == 200
    assert call(account, "GET", path, registry_token(account, region=THERE))[0] == 401
    account.client("ecr", region=HERE).delete_repository(repositoryName="guarded", force=True)


def test_an_image_without_account_and_region_is_no_repository(account: Account) -> None:
    status, _, body = call(account, "GET", "/v2/guarded/tags/list", registry_token(account))
    assert (status, json.loads(body)["errors"][0]["code"]) == (404, "NAME_UNKNOWN")


@pytest.fixture(scope="module")
def services(account: Account) -> Iterator[dict[str, Service]]:
    """A service of one name in each region, its version and its secret being the region's."""
    laid = {region: lay(account, "regional", region=region) for region in REGIONS}
    for region, service in laid.items():
        account.client("ssm", region=region).put_parameter(Name="/regional/KEY", Value=region, Type="SecureString")
        service.create(service.register(f"in-{region}", secrets=[{"name": "KEY", "valueFrom": "/regional/KEY"}]))
    yield laid
    for service in laid.values():
        service.delete()


def test_a_service_of_one_name_runs_in_each_region(services: dict[str, Service]) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/Welcome.html ("Amazon ECS is a regional service")"""
    for region, service in services.items():
        assert service.page() == (200, f"in-{region} {region} /")
        assert service.host.endswith(f".{region}.elb.amazonaws.com")
        assert service.described()["serviceArn"] == f"arn:aws:ecs:{region}:{ACCOUNT}:service/regional/regional"
        [task] = service.tasks()
        assert task["taskArn"].startswith(f"arn:aws:ecs:{region}:{ACCOUNT}:task/regional/")
        assert task["availabilityZone"].startswith(region)
        assert f"/{ACCOUNT}/{region}/regional:" in task["containers"][0]["image"]
        assert eventually(lambda service=service, task=task: bool(service.log(task)))  # type: ignore[misc]
        assert service.log(task) == [f"starting in-{region}"]
        [deployment] = service.listed()
        assert deployment["serviceDeploymentArn"].startswith(f"arn:aws:ecs:{region}:")


def test_what_fails_in_one_region_touches_no_other(services: dict[str, Service]) -> None:
    here, there = services[HERE], services[THERE]
    before = there.described()
    [running] = there.tasks()
    here.update(here.register("broken", "exits"))
    assert eventually(here.steady), here.deployments()
    assert here.page()[1].startswith(f"in-{HERE} ")
    here.ecs.stop_task(cluster="regional", task=here.tasks()[0]["taskArn"])
    after = there.described()
    assert (after["deployments"], after["events"]) == (before["deployments"], before["events"])
    assert [task["taskArn"] for task in there.tasks()] == [running["taskArn"]]
    assert there.tasks("STOPPED") == []
    assert there.page() == (200, f"in-{THERE} {THERE} /")
    assert eventually(lambda: here.page() == (200, f"in-{HERE} {HERE} /"))


def test_a_third_region_and_another_account_have_nothing_of_it(account: Account, services: dict[str, Service]) -> None:
    for client in (
        account.client("ecs", region="eu-north-1"),
        account.client("ecs", ("333333333333", "root"), region=HERE),
    ):
        assert client.list_clusters()["clusterArns"] == []
        assert client.list_task_definitions(familyPrefix="regional")["taskDefinitionArns"] == []
