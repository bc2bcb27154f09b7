"""Do the files that describe a service agree, in every environment that has it?"""

from __future__ import annotations

import sys
from pathlib import Path

from gitops import environments
from gitops.errors import GitopsError
from gitops.layers import agree
from gitops.layers.source import WorkTree


def main() -> int:
    """Check every service of every environment of the repository in the current folder."""
    root = Path.cwd()
    found: list[str] = []
    checked = 0
    try:
        for name, environment in environments.load_all(root).items():
            for service in sorted(environment.services):
                checked += 1
                lines = agree.problems(WorkTree(root), environment, service)
                found += [f"{service} in {name}: {line}" for line in lines]
    except GitopsError as error:
        found.append(str(error))
    if not checked:
        found.append("no environment has a service: nothing was compared")
    print("\n".join(found) if found else f"{checked} services in their environments: every layer agrees")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
