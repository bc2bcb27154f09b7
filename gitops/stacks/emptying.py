"""What stands in the way of deleting a stack: protection of its resources, and buckets that are not empty."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import boto3
from botocore.exceptions import ClientError

from gitops import aws

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_s3 import S3Client

BUCKET = "AWS::S3::Bucket"
LOAD_BALANCER = "AWS::ElasticLoadBalancingV2::LoadBalancer"
TABLE = "AWS::DynamoDB::Table"


@dataclass(frozen=True)
class StackResource:
    """A resource that a stack holds now; ``physical_id`` as CloudFormation's Ref gives it."""

    logical_id: str
    type: str
    physical_id: str


def resources(cloudformation: CloudFormationClient, stack_name: str) -> list[StackResource]:
    """What a stack holds; empty when there is no stack."""
    try:
        pages = list(cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack_name))
    except ClientError as error:
        if "does not exist" in error.response["Error"].get("Message", ""):
            return []
        raise
    return [
        StackResource(one["LogicalResourceId"], one["ResourceType"], one.get("PhysicalResourceId", ""))
        for page in pages
        for one in page["StackResourceSummaries"]
        if one["ResourceStatus"] != "DELETE_COMPLETE" and one.get("PhysicalResourceId")
    ]


def clear_the_way(session: boto3.Session, found: Iterable[StackResource]) -> list[str]:
    """Turn protection off and empty buckets; what was done, in words. What is gone already is passed over."""
    done: list[str] = []
    for resource in found:
        if resource.type == LOAD_BALANCER:
            done += _unprotect_load_balancer(session, resource.physical_id)
        elif resource.type == TABLE:
            done += _unprotect_table(session, resource.physical_id)
        elif resource.type == BUCKET:
            done += _empty_bucket(session.client("s3", config=aws.CLIENT_CONFIG), resource.physical_id)
    return done


def _unprotect_load_balancer(session: boto3.Session, arn: str) -> list[str]:
    client = session.client("elbv2", config=aws.CLIENT_CONFIG)
    try:
        client.modify_load_balancer_attributes(
            LoadBalancerArn=arn, Attributes=[{"Key": "deletion_protection.enabled", "Value": "false"}]
        )
    except client.exceptions.LoadBalancerNotFoundException:
        return []
    return [f"deletion protection of {arn.split('/', 1)[-1]} turned off"]


def _unprotect_table(session: boto3.Session, name: str) -> list[str]:
    client = session.client("dynamodb", config=aws.CLIENT_CONFIG)
    try:
        if not client.describe_table(TableName=name)["Table"].get("DeletionProtectionEnabled"):
            return []
        client.update_table(TableName=name, DeletionProtectionEnabled=False)
    except client.exceptions.ResourceNotFoundException:
        return []
    return [f"deletion protection of {name} turned off"]


def _empty_bucket(s3: S3Client, name: str) -> list[str]:
    """Delete every version and delete marker: a bucket counts as empty only without them."""
    number = 0
    try:
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=name):
            # A page holds at most 1,000 of both together, which is what one DeleteObjects takes.
            objects = [
                {"Key": one["Key"], "VersionId": one["VersionId"]}
                for one in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
            ]
            if objects:
                s3.delete_objects(Bucket=name, Delete={"Objects": objects, "Quiet": True})  # type: ignore[typeddict-item]
                number += len(objects)
    except s3.exceptions.NoSuchBucket:
        return []
    return [f"{number} object versions deleted from {name}"] if number else []
