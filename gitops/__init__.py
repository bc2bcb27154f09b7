"""Ships services to Amazon ECS from git. A user may rely on what is in ``__all__``; docs/interface.md says more."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gitops.aws import session
    from gitops.deploy.decision import Verdict
    from gitops.environments import Environment, GitHub, deployed, load, load_all
    from gitops.errors import GitopsError
    from gitops.oci import Login, Reference, RegistryClient
    from gitops.repository import Checkout

__all__ = [
    "Checkout",
    "Environment",
    "GitHub",
    "GitopsError",
    "Login",
    "Reference",
    "RegistryClient",
    "Verdict",
    "deployed",
    "load",
    "load_all",
    "session",
]

# Each name's module, imported when the name is asked for: ``gitops --help`` waits for no client of AWS.
_MODULES = {
    "Checkout": "repository",
    "Environment": "environments",
    "GitHub": "environments",
    "GitopsError": "errors",
    "Login": "registry",
    "Reference": "registry",
    "RegistryClient": "registry",
    "Verdict": "deploy.decision",
    "deployed": "environments",
    "load": "environments",
    "load_all": "environments",
    "session": "aws",
}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
