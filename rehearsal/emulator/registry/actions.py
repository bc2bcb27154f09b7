"""Which ECR actions a call of the registry protocol needs."""

from __future__ import annotations

from typing import Final

# (what the path names, method) → actions
# https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html and
# https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-policy-examples.html
ACTIONS: Final[dict[tuple[str, str], tuple[str, ...]]] = {
    ("ping", "GET"): (),
    ("ping", "HEAD"): (),
    ("catalog", "GET"): ("ecr:DescribeRepositories",),
    ("tags_list", "GET"): ("ecr:ListImages",),
    ("blob", "HEAD"): ("ecr:BatchCheckLayerAvailability",),
    ("blob", "GET"): ("ecr:GetDownloadUrlForLayer",),
    ("manifest", "HEAD"): ("ecr:BatchGetImage",),
    ("manifest", "GET"): ("ecr:BatchGetImage",),
    ("manifest", "PUT"): ("ecr:PutImage",),
    ("blob_uploads", "POST"): ("ecr:InitiateLayerUpload",),
    ("blob_upload_session", "GET"): ("ecr:UploadLayerPart",),
    ("blob_upload_session", "PATCH"): ("ecr:UploadLayerPart",),
    ("blob_upload_session", "PUT"): ("ecr:UploadLayerPart", "ecr:CompleteLayerUpload"),
    ("blob_upload_session", "DELETE"): ("ecr:InitiateLayerUpload",),
}


def needed(kind: str, method: str) -> tuple[str, ...] | None:
    """The actions; None for what ECR does not offer (deleting by this protocol, for one)."""
    return ACTIONS.get((kind, method.upper()))
