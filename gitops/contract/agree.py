"""Whether task definition, template, Dockerfile, gunicorn and the service's routes agree on what they share."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from gitops import environments, repository
from gitops.contract import claims, routes
from gitops.contract.claims import TEMPLATE, Claim
from gitops.environments import Environment
from gitops.errors import GitopsError
from gitops.images.source import FinalStage, final_stage
from gitops.repository import DOCKERFILE, SERVICES, Checkout, Files
from gitops.taskdefs import documents
from gitops.taskdefs.documents import Document

GUNICORN = "gunicorn.conf.py"


def problems(files: Files, environment: Environment, service: str) -> list[str]:
    """Every disagreement on port, health path, container, log group, user, family, roles and target type.

    A file that is not there says nothing: other checks miss it. Raises
    GitopsError when one cannot be read.
    """
    rendered = repository.rendered(service, environment.environment).as_posix()
    text = files.text(rendered)
    document = documents.parse(text, rendered) if text is not None else {}
    template = files.text(TEMPLATE)
    stack = None if template is None else claims.template(template, environment, service)
    said = [*claims.task_definition_claims(document, rendered, service), *(stack.claims() if stack else ())]
    found = []
    path = (SERVICES / service / DOCKERFILE).as_posix()
    dockerfile = files.text(path)
    if dockerfile is not None:
        stage = final_stage(dockerfile, {})
        said += claims.image_claims(stage, path)
        bind, wrong = _bind(files, service, stage, claims.container(document, service), path)
        said += bind
        found += wrong
    found += claims.disagreements(said)
    found += _health_paths(files, service, said)
    if stack is not None and (made := stack.role_names()):
        found += [
            f"{key}: {name} in {rendered}, but {TEMPLATE} makes {' and '.join(sorted(made))}"
            for key, name in claims.role_names(document).items()
            if name not in made
        ]
    return found


def answered(files: Files, service: str) -> set[str]:
    """The paths that the service answers, empty when it is not a Flask service.

    Raises GitopsError when a module of it is not Python.
    """
    texts = []
    for path, text in files.texts((SERVICES / service).as_posix()).items():
        if not path.endswith(".py"):
            continue
        try:
            compile(text, path, "exec", dont_inherit=True)
        except SyntaxError as error:
            raise GitopsError(f"{path}:{error.lineno}: not Python: {error.msg}", fix="correct the file") from None
        texts.append(text)
    return routes.paths(texts) if routes.uses_flask(texts) else set()


def _health_paths(files: Files, service: str, said: list[Claim]) -> Iterator[str]:
    known = answered(files, service)
    for path in sorted({claim.value for claim in said if claim.topic == "health path"}):
        if known and path not in known:
            yield f"health path: {path} is no route of {SERVICES / service}, which answers {', '.join(sorted(known))}"


def _bind(
    files: Files, service: str, stage: FinalStage, container: Document, dockerfile_path: str
) -> tuple[list[Claim], list[str]]:
    """Where gunicorn listens, and what is wrong with that."""
    path = (SERVICES / service / GUNICORN).as_posix()
    try:
        bind = claims.gunicorn_bind(stage, container, files.text(path), dockerfile_path, path)
    except (SyntaxError, ValueError):
        return [], [f"container port: bind in {path} is not a plain address, so nobody can tell where it listens"]
    if bind is None:
        return [], []
    (address, where), (host, _, port) = bind, bind[0].rpartition(":")
    wrong = f"bind address: {address} in {where} is not reachable for the load balancer: bind 0.0.0.0"
    return [Claim("container port", port, where)], [wrong] if host in claims.LOOPBACK else []


def main() -> int:
    """Check every service of every environment of the repository in the current folder."""
    checkout = Checkout(Path.cwd())
    found: list[str] = []
    checked = 0
    try:
        for name, environment in environments.load_all(checkout).items():
            for service in sorted(environment.services):
                checked += 1
                found += [f"{service} in {name}: {line}" for line in problems(checkout.work_tree, environment, service)]
    except GitopsError as error:
        found.append(str(error))
    print("\n".join(found) if found else f"{checked} services in their environments: every file agrees")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
