"""Whether task definition, template, Dockerfile, gunicorn and the service's routes agree on what they share."""

from __future__ import annotations

from collections.abc import Iterator

from gitops.environments import Environment
from gitops.errors import GitopsError
from gitops.images import dockerfile
from gitops.images.dockerfile import FinalStage
from gitops.layers import image, routes, task_definition, template
from gitops.layers.claims import Claim, disagreements
from gitops.layers.source import Source
from gitops.layers.template import ServiceTemplate
from gitops.taskdefs import documents
from gitops.taskdefs.documents import Document


def problems(source: Source, environment: Environment, service: str) -> list[str]:
    """Every disagreement on port, health path, container, log group, user, family, roles and target type.

    A file that is not there says nothing: other checks miss it. Raises
    GitopsError when one cannot be read.
    """
    rendered = f"taskdefs/{service}/rendered/{environment.environment}.json"
    text = source.text(rendered)
    document = documents.parse(text, rendered) if text is not None else {}
    stack = _template(source, environment, service)
    claims = [*task_definition.claims(document, rendered), *(stack.claims() if stack else ())]
    found = []
    stage, path = _stage(source, service)
    if stage is not None:
        claims += image.claims(stage, path)
        bind, wrong = _bind(source, service, stage, task_definition.container(document), path)
        claims += image.bind_claims(bind) if bind else ()
        found += wrong
    found += disagreements(claims)
    found += _health_paths(source, service, claims)
    if stack is not None and (made := stack.role_names()):
        found += [
            f"{key}: {name} in {rendered}, but {template.PATH} makes {' and '.join(sorted(made))}"
            for key, name in task_definition.role_names(document).items()
            if name not in made
        ]
    return found


def answered(source: Source, service: str) -> set[str]:
    """The paths that the service answers, empty when it is not a Flask service.

    Raises GitopsError when a module of it is not Python.
    """
    texts = []
    for path in source.python_files(f"services/{service}"):
        text = source.text(path) or ""
        try:
            compile(text, path, "exec", dont_inherit=True)
        except SyntaxError as error:
            raise GitopsError(f"{path}:{error.lineno}: not Python: {error.msg}", fix="correct the file") from None
        texts.append(text)
    return routes.paths(texts) if routes.uses_flask(texts) else set()


def _health_paths(source: Source, service: str, claims: list[Claim]) -> Iterator[str]:
    known = answered(source, service)
    for path in sorted({claim.value for claim in claims if claim.topic == "health path"}):
        if known and path not in known:
            yield f"health path: {path} is no route of services/{service}, which answers {', '.join(sorted(known))}"


def _template(source: Source, environment: Environment, service: str) -> ServiceTemplate | None:
    text = source.text(template.PATH)
    return None if text is None else template.parse(text, environment, service)


def _stage(source: Source, service: str) -> tuple[FinalStage | None, str]:
    path = f"services/{service}/Dockerfile"
    text = source.text(path)
    return (None if text is None else dockerfile.final_stage(text, {})), path


def _bind(
    source: Source, service: str, stage: FinalStage, container: Document, dockerfile_path: str
) -> tuple[tuple[str, str] | None, list[str]]:
    path = f"services/{service}/gunicorn.conf.py"
    try:
        bind = image.gunicorn_bind(stage, container, source.text(path), dockerfile_path, path)
    except (SyntaxError, ValueError):
        return None, [f"container port: bind in {path} is not a plain address, so nobody can tell where it listens"]
    if bind is not None and image.is_loopback(bind[0]):
        return bind, [f"bind address: {bind[0]} in {bind[1]} is not reachable for the load balancer: bind 0.0.0.0"]
    return bind, []
