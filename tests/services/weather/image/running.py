"""A container of the service's image, and what can be asked of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import requests
from docker.models.containers import Container

from rehearsal.page import loopback


@dataclass(frozen=True)
class Running:
    """``url`` is where it listens; ``definition`` is its part of the task definition."""

    container: Container
    url: str
    definition: Mapping[str, Any]

    def get(self, path: str) -> requests.Response:
        """One request, without any proxy."""
        with loopback() as session:
            return session.get(f"{self.url}{path}", timeout=60)

    def log(self) -> str:
        """All that it has written."""
        written = self.container.logs()
        assert isinstance(written, bytes)
        return written.decode(errors="replace")

    def python(self, code: str) -> Any:
        """Run Python inside, under the container's own limits; the JSON that it prints."""
        done = self.container.exec_run(["python", "-c", code])
        assert isinstance(done.output, bytes)
        assert done.exit_code == 0, done.output.decode(errors="replace")
        return json.loads(done.output)
