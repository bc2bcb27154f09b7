"""AWS on one machine."""

from __future__ import annotations

from typing import Final

# The emulator's; what stands for what services ask takes the free ones after it.
DEFAULT_PORT: Final = 4566
