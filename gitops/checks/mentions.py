"""Does a file name what belongs to one machine or one network: a package registry's host, a person's folder?

Such a line works where it was written and nowhere else. A registry is the
installer's setting, and a path is taken from the repository's root.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from gitops.checks import files

# Written with a class around each dot, so that this file does not hold the names it looks for.
REGISTRY_HOSTS = (
    r"pypi[.]org",
    r"pythonhosted[.]org",
    r"registry[.]npmjs[.]org",
    r"registry[.]yarnpkg[.]com",
    r"proxy[.]golang[.]org",
    r"(?:static[.]|index[.]|//)crates[.]io",
    r"rubygems[.]org",
    r"(?:deb|security)[.]debian[.]org",
    r"(?:archive|security)[.]ubuntu[.]com",
    r"repo1?[.]maven[.]org",
)
# A person's folder on Linux and macOS, and the superuser's. A web address has a letter or dot before the slash.
PERSONAL_FOLDERS = (r"(?<![\w.])/(?:home|Users)/[A-Za-z][\w.-]*/", r"(?<![\w.])/(?:root|work|farm)/[\w.]")


def patterns(root: Path, home: Path) -> dict[str, re.Pattern[str]]:
    """What to look for, by what to call it; this machine's own folders are among it, wherever they are."""
    # A clone in / or directly below it (/app, /src) has a name too common to look for.
    here = [re.escape(str(folder)) + r"(?![\w.-])" for folder in (root, home) if len(folder.parts) > 2]
    return {
        "package registry host": re.compile("|".join(REGISTRY_HOSTS), re.IGNORECASE),
        "path of one machine": re.compile("|".join([*PERSONAL_FOLDERS, *here])),
    }


def mentions(texts: dict[str, str], sought: dict[str, re.Pattern[str]]) -> list[str]:
    """Each line that holds something sought, as ``path:line: what``, in order of path."""
    return [
        f"{path}:{number}: {what}: {found.group()}"
        for path, text in sorted(texts.items())
        for number, line in enumerate(text.splitlines(), start=1)
        for what, pattern in sought.items()
        if (found := pattern.search(line))
    ]


def main() -> int:
    """Look through the repository in the current folder."""
    texts = files.texts(Path.cwd())
    found = mentions(texts, patterns(Path.cwd(), Path.home()))
    print("\n".join(found) if found else f"{len(texts)} files: no registry host, no path of one machine")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
