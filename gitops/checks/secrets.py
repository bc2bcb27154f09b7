"""Is a credential about to be committed? What is never shown is never committed either; no value is printed."""

from __future__ import annotations

import sys
from pathlib import Path

from gitops.checks import files
from gitops.repository import Checkout
from gitops.text import secrets_in


def main() -> int:
    """Look through the repository in the current folder."""
    texts = files.texts(Checkout(Path.cwd()))
    found = [f"{path}:{one.line}: {one.what}" for path, text in sorted(texts.items()) for one in secrets_in(text)]
    print("\n".join(found) if found else f"{len(texts)} files: no credential found")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
