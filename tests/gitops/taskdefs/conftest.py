"""A task definition that nothing is wrong with, for tests to break in one place."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def document() -> dict[str, Any]:
    """The smallest rendered task definition that passes every check."""
    return {
        "family": "app-staging",
        "requiresCompatibilities": ["FARGATE"],
        "networkMode": "awsvpc",
        "cpu": "256",
        "memory": "512",
        "executionRoleArn": "arn:aws:iam::111111111111:role/app-staging-execution",
        "taskRoleArn": "arn:aws:iam::111111111111:role/app-staging-task",
        "containerDefinitions": [
            {
                "name": "app",
                "image": "${image}",
                "portMappings": [{"containerPort": 8080}],
                "environment": [{"name": "LOG_LEVEL", "value": "INFO"}],
                "secrets": [{"name": "KEY", "valueFrom": "arn:aws:ssm:eu-west-2:111111111111:parameter/app/KEY"}],
                "logConfiguration": {
                    "logDriver": "awslogs",
                    "options": {
                        "awslogs-group": "app-staging-logs",
                        "awslogs-region": "eu-west-2",
                        "awslogs-stream-prefix": "ecs",
                    },
                },
            }
        ],
    }
