"""What CloudFormation calls to make and to delete a resource, in the name of the stack's service role.

The calls of a type's handlers are in its schema. Some of them are made for a property only: ``ONLY_WITH`` names it, or
says "" for what no property of ours leads to. A type that is not in it is not held to anything here.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-iam-servicerole.html
"""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any, Final, Literal

from rehearsal.emulator.cloudformation.resource_types import schema

Step = Literal["create", "delete"]

# Type → action, or a pattern of some → the property for which it is called.
ONLY_WITH: Final[dict[str, dict[str, str]]] = {
    "AWS::ApplicationAutoScaling::ScalableTarget": {
        "application-autoscaling:PutScheduledAction": "ScheduledActions",
        # The concurrency of a function, which is another kind of target.
        "lambda:*": "",
    },
    "AWS::ApplicationAutoScaling::ScalingPolicy": {"cloudwatch:GetMetricData": "PredictiveScalingPolicyConfiguration"},
    "AWS::EC2::EIP": {"ec2:AcceptAddressTransfer": "TransferAddress", "ec2:AssociateAddress": "InstanceId"},
    # Whether a delivery is made for a flow log into CloudWatch Logs is said nowhere.
    "AWS::EC2::FlowLog": {"autoscaling:DescribeTags": "", "logs:*LogDelivery": ""},
    "AWS::EC2::InternetGateway": {},
    "AWS::EC2::NatGateway": {},
    "AWS::EC2::Route": {},
    "AWS::EC2::RouteTable": {},
    "AWS::EC2::SecurityGroup": {},
    "AWS::EC2::SecurityGroupEgress": {},
    "AWS::EC2::SecurityGroupIngress": {},
    "AWS::EC2::Subnet": {},
    "AWS::EC2::SubnetRouteTableAssociation": {},
    "AWS::EC2::VPC": {"ec2:CreateVpcEncryptionControl": "VpcEncryptionControl"},
    "AWS::EC2::VPCEndpoint": {"vpc-lattice:*": "ServiceNetworkArn", "vpce:AllowMultiRegion": "ServiceRegion"},
    "AWS::EC2::VPCGatewayAttachment": {"ec2:*VpnGateway": "VpnGatewayId"},
    "AWS::ECR::Repository": {},
    "AWS::ECS::Cluster": {},
    "AWS::ECS::Service": {},
    "AWS::ElasticLoadBalancingV2::Listener": {
        "cognito-idp:*": "",
        "elasticloadbalancing:ModifyListenerAttributes": "ListenerAttributes",
    },
    "AWS::ElasticLoadBalancingV2::ListenerRule": {"cognito-idp:*": ""},
    "AWS::ElasticLoadBalancingV2::LoadBalancer": {
        "elasticloadbalancing:ModifyCapacityReservation": "MinimumLoadBalancerCapacity",
    },
    "AWS::ElasticLoadBalancingV2::TargetGroup": {"elasticloadbalancing:RegisterTargets": "Targets"},
    "AWS::IAM::Role": {"iam:*tachRolePolicy": "ManagedPolicyArns"},
    "AWS::KMS::Alias": {},
    # Only a key that is not to be used.
    "AWS::KMS::Key": {"kms:DisableKey": "Enabled"},
    "AWS::Logs::LogGroup": {
        "logs:*DataProtectionPolicy": "DataProtectionPolicy",
        "logs:PutResourcePolicy": "ResourcePolicyDocument",
        "logs:PutIndexPolicy": "FieldIndexPolicies",
        "logs:PutBearerTokenAuthentication": "BearerTokenAuthenticationEnabled",
        # Where audit findings of a data protection policy go.
        "logs:CreateLogDelivery": "DataProtectionPolicy",
        "s3:REST.PUT.OBJECT": "DataProtectionPolicy",
        "firehose:TagDeliveryStream": "DataProtectionPolicy",
    },
    "AWS::S3::Bucket": {
        "s3:PutAccelerateConfiguration": "AccelerateConfiguration",
        "s3:PutAnalyticsConfiguration": "AnalyticsConfigurations",
        "s3:PutBucketAbac": "AbacStatus",
        "s3:PutBucketCORS": "CorsConfiguration",
        "s3:PutBucketLogging": "LoggingConfiguration",
        "s3:PutBucketNotification": "NotificationConfiguration",
        "s3:PutBucketVersioning": "VersioningConfiguration",
        "s3:PutBucketWebsite": "WebsiteConfiguration",
        "s3:PutIntelligentTieringConfiguration": "IntelligentTieringConfigurations",
        "s3:PutInventoryConfiguration": "InventoryConfigurations",
        "s3:PutMetricsConfiguration": "MetricsConfigurations",
        "s3:Put*ObjectLockConfiguration": "ObjectLockConfiguration",
        "s3:Put*Replication*": "ReplicationConfiguration",
        "s3:PutObjectAcl": "AccessControl",
        "s3:DeleteObject": "",
        "s3:CreateBucketMetadataTableConfiguration": "MetadataTableConfiguration",
        "s3tables:*": "MetadataTableConfiguration",
    },
    "AWS::S3::BucketPolicy": {},
}  # fmt: skip
# What a service asks of whoever calls it, and no schema lists: kubernetes-sigs/aws-load-balancer-controller#3917
BEYOND: Final[dict[tuple[str, Step], tuple[str, ...]]] = {
    ("AWS::ElasticLoadBalancingV2::LoadBalancer", "create"): ("ec2:GetSecurityGroupsForVpc",),
}


def needs(kind: str, step: Step, properties: Mapping[str, Any]) -> list[str]:
    """The actions that making or deleting a resource of these properties takes; none of a type that is not known."""
    if kind not in ONLY_WITH:
        return []
    left_out = [pattern for pattern, name in ONLY_WITH[kind].items() if name not in properties]
    called = schema(kind)["handlers"][step]["permissions"]
    found = [one for one in called if not any(fnmatchcase(one, pattern) for pattern in left_out)]
    return [*found, *BEYOND.get((kind, step), ())]
