"""A repository that is not this one: another project, region and service, with another port and health path."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from tests.conftest import ROOT
from tests.gitops import conftest

ENVIRONMENT, PROJECT, REGION = "live", "acme", "eu-central-1"
# The same on this machine, in yet another region.
HERE, HERE_REGION = "desk", "ap-southeast-2"
SERVICE, PACKAGE, PORT, HEALTH = "shop-api", "shop_api", 9000, "/up"
# What its lock holds, with the versions that are tested here.
LOCKED = ("blinker", "click", "flask", "gunicorn", "itsdangerous", "jinja2", "markupsafe", "packaging", "werkzeug")

SHARED = f"""\
project: {PROJECT}
github: {{owner: acme, repository: shop, owner_id: "7", repository_id: "8"}}
"""
ENTRY = f"""\
parameters: {{ListenerPriority: "10", ContainerPort: "{PORT}", HealthCheckPath: {HEALTH}}}
"""
FILES = {
    f"infra/environments/{ENVIRONMENT}.yaml": f"""\
{SHARED}
environment: {ENVIRONMENT}
account: "123456789012"
region: {REGION}
registry: {ENVIRONMENT}
stacks: {{bootstrap: {{}}, network: {{VpcCidr: 10.9.0.0/16}}, platform: {{}}}}
""",
    f"infra/environments/{ENVIRONMENT}/{SERVICE}.yaml": ENTRY,
    f"infra/environments/{HERE}.yaml": f"""\
{SHARED}
environment: {HERE}
account: "210987654321"
region: {HERE_REGION}
registry: {HERE}
stacks:
  {{bootstrap: {{}}, repository: {{}}, network: {{VpcCidr: 10.8.0.0/16}}, platform: {{DeletionProtection: "false"}}}}
aws_config_file: .rehearsal/aws/config
builders: [docker, pack]
""",
    f"infra/environments/{HERE}/{SERVICE}.yaml": f"{ENTRY}rehearsal: {{page: /, shows: [open]}}\n",
    ".gitignore": ".rehearsal/\n",
    f"services/{SERVICE}/Dockerfile": f"""\
FROM python:3.13-slim
WORKDIR /app
COPY requirements.txt .
RUN python -m pip install --no-cache-dir --require-hashes --requirement requirements.txt
COPY gunicorn.conf.py .
COPY {PACKAGE} {PACKAGE}
USER 10001:10001
EXPOSE {PORT}
CMD ["gunicorn", "{PACKAGE}:create_app()"]
""",
    f"services/{SERVICE}/gunicorn.conf.py": f'bind = "0.0.0.0:{PORT}"\n',
    f"services/{SERVICE}/requirements.in": "flask\ngunicorn\n",
    f"services/{SERVICE}/{PACKAGE}/__init__.py": f'''\
"""A shop."""

from flask import Flask


def create_app() -> Flask:
    """The application."""
    app = Flask(__name__)

    @app.get("/")
    def page() -> str:
        return "open"

    @app.get("{HEALTH}")
    def up() -> str:
        return "up"

    return app
''',
}
BASE = {
    "family": "${service}-${environment}",
    "requiresCompatibilities": ["FARGATE"],
    "networkMode": "awsvpc",
    "cpu": "256",
    "memory": "512",
    "executionRoleArn": "arn:aws:iam::${account}:role/${service}-${environment}-execution",
    "taskRoleArn": "arn:aws:iam::${account}:role/${service}-${environment}-task",
    "containerDefinitions": [
        {
            "name": "${service}",
            "image": "${image}",
            "essential": True,
            "user": "10001",
            "portMappings": [{"containerPort": PORT}],
            "logConfiguration": {
                "logDriver": "awslogs",
                "options": {
                    "awslogs-group": "${service}-${environment}-logs",
                    "awslogs-region": "${region}",
                    "awslogs-stream-prefix": "ecs",
                },
            },
        }
    ],
}


def write(folder: Path) -> None:
    """Write the repository and make its first commit; the templates are those that stand here."""
    for path, text in FILES.items():
        conftest.write(folder / path, text)
    conftest.write(folder / f"services/{SERVICE}/requirements.txt", _lock())
    conftest.write(folder / f"taskdefs/{SERVICE}/base.json", BASE)
    shutil.copytree(ROOT / "infra/cloudformation", folder / "infra/cloudformation")
    conftest.commit(folder, "The first")


def _lock() -> str:
    text = (ROOT / "requirements/dev.txt").read_text()
    entries = [re.search(rf"^{name}==(?:.*\\\n)*.*\n", text, re.MULTILINE) for name in LOCKED]
    return "".join(entry.group() for entry in entries if entry)
