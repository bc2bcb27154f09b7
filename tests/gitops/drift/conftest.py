"""The stacks' repository and emulator, for the whole command."""

from __future__ import annotations

from tests.gitops.stacks.conftest import emulator, repository

__all__ = ["emulator", "repository"]
