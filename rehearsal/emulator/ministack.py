"""ministack's modules as the rooms use them, each imported at its first use: it reads the environment then.

What may be used of them stands in ``seams``, which alone assigns into them; a test holds every use to that.
"""

from __future__ import annotations

import importlib
from typing import Any, Final


class Module:
    """One of ministack's modules, by its path below the package."""

    def __init__(self, path: str) -> None:
        self.path: Final = path

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 (any internal)
        return getattr(importlib.import_module(f"ministack.{self.path}"), name)


app = Module("app")
concurrency = Module("core.concurrency")
responses = Module("core.responses")
router = Module("core.router")
alb = Module("services.alb")
cloudformation = Module("services.cloudformation")
provisioners = Module("services.cloudformation.provisioners")
ec2 = Module("services.ec2")
ecr = Module("services.ecr")
ecs = Module("services.ecs")
ecs_metadata = Module("services.ecs_metadata")
ssm = Module("services.ssm")
