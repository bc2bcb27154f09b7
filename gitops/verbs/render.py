"""``gitops render``: the rendered task definitions, written, or checked against what is committed."""

from __future__ import annotations

import argparse
import difflib
import tempfile
from itertools import islice
from pathlib import Path

from gitops import environments
from gitops.arguments import argument
from gitops.errors import GitopsError
from gitops.repository import TASKDEFS, Checkout
from gitops.stacks import listener
from gitops.taskdefs import documents, tree
from gitops.text import hide, hide_documents

# Enough to recognise the change; the whole of it is one `gitops render` and `git diff` away.
DIFF_LINES = 20


ARGUMENTS = (
    argument("service", nargs="*", metavar="SERVICE", help=f"a folder of {TASKDEFS}/ (default: all)"),
    argument(
        "--check", action="store_true", help="write nothing; fail when a rendered file is stale, missing or orphaned"
    ),
)


def run(arguments: argparse.Namespace) -> int:
    """Render every environment of the services; 0 when all is written, or fresh."""
    checkout: Checkout = arguments.checkout
    wanted = tree.chosen(checkout, arguments.service)
    known = environments.load_all(checkout)
    clashes = listener.problems(listener.rules(checkout, known))
    if clashes:
        raise GitopsError(clashes[0], others=tuple(clashes[1:]), fix="correct what is named, then gitops render")
    texts = tree.expected(checkout, wanted, known)
    orphans = tree.orphans(checkout, arguments.service, texts)
    if arguments.check:
        _check(checkout, texts, orphans)
        print(f"{len(texts)} rendered task definitions are fresh")
        return 0
    changed = [path for path, text in texts.items() if _current(checkout, path) != text]
    for path in changed:
        _write(checkout.root / path, texts[path])
        print(f"wrote {path}")
    for path in orphans:
        (checkout.root / path).unlink()
        print(f"removed {path}")
    if not changed and not orphans:
        print(f"{len(texts)} rendered task definitions were fresh")
    return 0


def _check(checkout: Checkout, texts: dict[Path, str], orphans: list[Path]) -> None:
    lines: list[str] = []
    for path, text in texts.items():
        current = _current(checkout, path)
        if current is None:
            lines.append(f"{path} is missing")
        elif current != text:
            lines += [f"{path} is stale", *_difference(path, current, text)]
    lines += [f"{path} belongs to no environment" for path in orphans]
    if lines:
        raise GitopsError(
            lines[0], others=(*lines[1:], "what was reviewed must be what is deployed"), fix="gitops render"
        )


def _difference(path: Path, current: str, text: str) -> list[str]:
    was, now = _shown(path, current, text)
    lines = difflib.unified_diff(
        was.splitlines(), now.splitlines(), f"{path} (committed)", f"{path} (rendered now)", n=2, lineterm=""
    )
    shown = list(islice(lines, DIFF_LINES + 1))
    return shown if len(shown) <= DIFF_LINES else [*shown[:DIFF_LINES], "… and more"]


def _shown(path: Path, current: str, text: str) -> tuple[str, str]:
    """Both without secrets, whose names stand on other lines than their values."""
    try:
        before, after = hide_documents(*(documents.parse(one, str(path)) for one in (current, text)))
    except GitopsError:
        return hide(current), hide(text)
    was, now = (documents.dump(one or {}) for one in (before, after))
    # The same content in other bytes.
    return (was, now) if was != now else (hide(current), hide(text))


def _current(checkout: Checkout, path: Path) -> str | None:
    try:
        return (checkout.root / path).read_bytes().decode("utf-8", errors="replace")
    except FileNotFoundError:
        return None


def _write(path: Path, text: str) -> None:
    """Put the whole file in place at once: an interrupt leaves the old one."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            whole = Path(folder) / path.name
            whole.write_text(text, encoding="utf-8")
            whole.replace(path)
    except OSError as error:
        raise GitopsError(f"{path} cannot be written: {error.strerror}", fix="make room or set its rights") from None
