"""What a destroy removes, in which order, and what it keeps and why."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from gitops.environments import FOLDER, Environment
from gitops.errors import GitopsError
from gitops.stacks.order import BOOTSTRAP, REGISTRY, Unit, dependents, select


@dataclass(frozen=True)
class Scope:
    """``stacks`` in the order they go, bootstrap last; ``kept`` says why by label; ``services`` lose their
    secrets and revisions; ``whole`` when the environment must be empty afterwards but for what is kept."""

    stacks: tuple[Unit, ...]
    kept: Mapping[str, str]
    services: tuple[str, ...]
    whole: bool

    @property
    def bootstrap(self) -> Unit | None:
        """The bootstrap stack, when it goes."""
        return next((unit for unit in self.stacks if unit.label == BOOTSTRAP), None)


def scope(
    environment: Environment,
    every: list[Unit],
    others: Mapping[str, Environment],
    chosen: Collection[str],
    keep_bootstrap: bool,
) -> Scope:
    """What to remove of an environment, everything when nothing is chosen.

    ``every`` are the stacks in the order they were made, those among them that
    no entry asks for any more. Raises GitopsError for a chosen stack that is
    none, and for a registry that other environments pull from.
    """
    labels = {unit.label for unit in every}
    users = sorted(
        name
        for name, other in others.items()
        if name != environment.environment and other.registry == environment.environment
    )
    kept: dict[str, str] = {}
    if users and REGISTRY in labels:
        if REGISTRY in chosen:
            raise GitopsError(
                f"{' and '.join(users)} pulls its images from the registry of {environment.environment}",
                fix=f"name another registry in {FOLDER}/{users[0]}.yaml first",
            )
        kept[REGISTRY] = f"{' and '.join(users)} pulls its images from it"
    has_bootstrap = BOOTSTRAP in labels and not chosen
    if has_bootstrap and keep_bootstrap:
        kept[BOOTSTRAP] = "--keep-bootstrap"
    elif has_bootstrap and kept:
        kept[BOOTSTRAP] = "its roles are needed for what is kept"
    units = select(every, chosen) if chosen else every
    stacks = tuple(unit for unit in reversed(units) if unit.label not in kept)
    return Scope(
        stacks=stacks,
        kept=kept if not chosen else {},
        services=tuple(unit.service for unit in stacks if unit.service),
        whole=not chosen,
    )


def require_unused(every: list[Unit], going: Collection[str], standing: Collection[str]) -> None:
    """Raise GitopsError when a stack that stays takes outputs of one that goes."""
    for label, users in dependents(every, going).items():
        stay = [user for user in users if user in standing and user not in going]
        if stay and label in standing:
            words = " ".join(f"--stack {user}" for user in [*stay, label])
            raise GitopsError(f"{' and '.join(stay)} still need {label}", fix=f"remove them too: {words}")
