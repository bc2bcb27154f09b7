"""The task definition files of a repository: where they stand, and what each rendered one should hold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from gitops.environments import Environment
from gitops.errors import GitopsError
from gitops.repository import BASE, Checkout, base, entry, overlay, rendered
from gitops.taskdefs.documents import Document, Problem, at, dump, read
from gitops.taskdefs.render import fill, render, variables
from gitops.taskdefs.validate import validate


def services(checkout: Checkout) -> list[str]:
    """The services that have a task definition, sorted."""
    return sorted(path.parent.name for path in checkout.root.glob(str(base("*"))))


def chosen(checkout: Checkout, wanted: Sequence[str]) -> list[str]:
    """The services to work on: those wanted, or all. GitopsError for one that does not exist."""
    known = services(checkout)
    if not known:
        raise GitopsError(f"no service has a {base('<service>')}", fix="add one; docs/task-definitions.md says how")
    unknown = sorted(set(wanted) - set(known))
    if unknown:
        raise GitopsError(
            f"no service named {', '.join(unknown)} (there are: {', '.join(known)})",
            fix=f"check the spelling, or add {base(unknown[0])}",
        )
    return sorted(set(wanted)) or known


def expected(checkout: Checkout, wanted: Sequence[str], environments: dict[str, Environment]) -> dict[Path, str]:
    """What each rendered file of the wanted services should hold, by its path below the root.

    Raises one GitopsError with every problem of every service and environment,
    each with the file to correct and the place in it.
    """
    texts: dict[Path, str] = {}
    # The line that a person reads to the environments it holds for: base.json is wrong in all of them at once.
    found: dict[str, list[str]] = {line: [] for line in _without_base(checkout, environments)}
    for service in wanted:
        served = {name: environment for name, environment in environments.items() if service in environment.services}
        found |= {line: [] for line in _strays(checkout, service, served)}
        common = read(checkout, base(service))
        for name, environment in served.items():
            overlay_file = overlay(service, name)
            changed = read(checkout, overlay_file) if (checkout.root / overlay_file).exists() else {}
            values = variables(environment, service)
            document, problems = render(common, changed, values)
            if problems:
                lines = [f"{overlay_file}: {problem}" for problem in problems]
            else:
                problems = validate(document, environment.family(service), service)
                ours, theirs = fill(common, values), fill(changed, values)
                files = (overlay_file if _overlaid(ours, theirs, one) else base(service) for one in problems)
                lines = [f"{file}: {problem}" for file, problem in zip(files, problems, strict=True)]
            for line in lines:
                found.setdefault(line, []).append(name)
            texts[rendered(service, name)] = dump(document)
    if found:
        first, *others = [f"{line} (in {', '.join(names)})" if names else line for line, names in found.items()]
        raise GitopsError(first, others=tuple(others), fix="correct what is named, then gitops render")
    return texts


def _overlaid(base: Document, overlay: Document, problem: Problem) -> bool:
    """Whether the overlay is the file to correct: it says the last word at that place, not just something below it."""
    said = at(overlay, problem.place)
    return said is not None and (at(base, problem.place) is None or not isinstance(said, dict | list))


def _without_base(checkout: Checkout, environments: dict[str, Environment]) -> list[str]:
    known = services(checkout)
    return [
        f"{entry(name, service)}: there is no {base(service)}"
        for name, environment in environments.items()
        for service in sorted(set(environment.services) - set(known))
    ]


def _strays(checkout: Checkout, service: str, served: Iterable[str]) -> list[str]:
    overlays = {path.stem: path for path in checkout.root.glob(str(overlay(service, "*"))) if path.name != BASE}
    return [
        f"{overlays[name].relative_to(checkout.root)}: no environment {name} has the service {service}"
        for name in sorted(overlays.keys() - set(served))
    ]


def orphans(checkout: Checkout, wanted: Sequence[str], texts: Iterable[Path]) -> list[Path]:
    """Rendered files that no environment has, below the root: of the wanted services, or of any when none is named."""
    found = (path for service in wanted or ["*"] for path in checkout.root.glob(str(rendered(service, "*"))))
    return sorted({path.relative_to(checkout.root) for path in found} - set(texts))
