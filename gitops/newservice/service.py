"""A new service: its name, its files from the starter beside this module, and how they come into the repository."""

from __future__ import annotations

import importlib.util
import keyword
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from gitops import environments
from gitops.environments import Environment
from gitops.errors import GitopsError
from gitops.repository import ENVIRONMENTS, SERVICES, TASKDEFS, TEMPLATES, TESTS, Checkout, entry, overlay
from gitops.stacks import listener, order
from gitops.taskdefs import tree
from gitops.tools import NotInstalledError, tool

# One pinned requirement of a lock, down to the last hash, and the comment that says who asks for it.
_ENTRY = re.compile(r"^(?P<pinned>(?P<name>[^\s#=]+)==.*\n(?: +--hash=.*\n)+)(?P<via>(?: +#.*\n)*)", re.MULTILINE)
_ASKED = re.compile(r"# +(?:via +)?(?!via$)(\S.*)$", re.MULTILINE)


def lock_part(lock: str, wanted: Collection[str], target: str) -> str | None:
    """The lock of ``target`` (a .in file) with the requirements ``wanted``; None when ``lock`` lacks one of them.

    The same text that uv would write from the same versions.
    """
    entries = {found["name"]: found for found in _ENTRY.finditer(lock)}
    if not set(wanted) <= entries.keys():
        return None
    via = {name: _ASKED.findall(found["via"]) for name, found in entries.items()}
    kept = set(wanted)
    while more := {name for name, asked in via.items() if kept.intersection(asked)} - kept:
        kept |= more
    text = lock[: min(found.start() for found in entries.values())]
    for name in (name for name in entries if name in kept):
        asked = [f"-r {target}"] if name in wanted else []
        asked += [one for one in via[name] if one in kept]
        listed = f" {asked[0]}" if len(asked) == 1 else "".join(f"\n    #   {one}" for one in asked)
        text += f"{entries[name]['pinned']}    # via{listed}\n"
    return text


# In its files and their names `Starter` stands for the service's name, `starter` for its Python package and
# "/starter" for its folder of the load balancer. Words in the place of a templating language's marks: the starter
# stays Python that runs, and its page has such marks of its own.
STARTER = Path(__file__).parent / "starter"
_PREFIX = '"/starter"'
_AS_TEXT = re.compile(r"\.py\.txt$")
# An ECR repository takes these, and so do ECS, IAM, CloudFormation and Parameter Store.
_SHAPE = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
# docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html: the shortest limit of all a service's names.
_LONGEST_ROLE = 64
# docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-su-create.html: refused in any case.
_NOT_IN_PARAMETER_STORE = ("aws", "ssm")


@dataclass(frozen=True)
class Names:
    """A service's name, what it is called where that name cannot stand, and its folder of the load balancer."""

    service: str
    prefix: str

    def __post_init__(self) -> None:
        """Raise GitopsError for a name of another shape than all of them take."""
        if not _SHAPE.fullmatch(self.service):
            raise GitopsError(
                f'"{self.service}" cannot name a service',
                fix="use lowercase letters and digits, a letter first, and single dashes between them",
            )

    @property
    def module(self) -> str:
        """The Python package: no dash may stand in it."""
        return self.service.replace("-", "_")

    def fill(self, text: str) -> str:
        """A text of the starter, or a path in it, written for this service."""
        text = re.sub(r"\bStarter\b", self.service, text.replace(_PREFIX, f'"{self.prefix}"'))
        return re.sub(r"\bstarter\b", self.module, text)


@dataclass(frozen=True)
class Made:
    """What is new: the files, sorted, and the service's place on the load balancer."""

    files: tuple[Path, ...]
    prefix: str
    priority: int


def make(checkout: Checkout, service: str, path: str, priority: int | None) -> Made:
    """Put a service that answers at the load balancer's ``path`` into every environment of the repository.

    Raises GitopsError when the name cannot be used or is, as ``listener.prefix``
    and ``listener.priority``, and when what would be made does not render, fill
    its stacks' parameters or take ruff's format. Then nothing has changed.
    """
    known = environments.load_all(checkout)
    names = Names(service, listener.prefix(path))
    folders = [SERVICES / service, TASKDEFS / service, TESTS / names.module]
    _require_new(checkout, names, [*folders, *(entry(name, service) for name in known)])
    wrong = problems(names, known.values())
    if wrong:
        raise GitopsError(wrong[0], others=tuple(wrong[1:]), fix="choose another name")
    patterns = listener.patterns(names.prefix)
    chosen = listener.priority(service, patterns, listener.rules(checkout, known), priority)

    texts = _starter(checkout, names)
    for name in known:
        texts[overlay(service, name)] = "{}\n"
        place = f'  ListenerPriority: "{chosen}"\n  PathPatterns: {",".join(patterns)}\n'
        texts[entry(name, service)] = f"parameters:\n{place}"
    with tempfile.TemporaryDirectory(dir=checkout.root, prefix=".new-service-") as folder:
        aside = Checkout(Path(folder))
        _write(aside, texts)
        rendered = _rendered(checkout, aside, service)
        _write(aside, rendered)
        _format(checkout, aside, folders)
        _move(aside, checkout, [*folders, *(one for one in texts if not any(f in one.parents for f in folders))])
    return Made(tuple(sorted([*texts, *rendered])), names.prefix, chosen)


def problems(names: Names, known: Iterable[Environment]) -> list[str]:
    """Why AWS or Python would refuse the name, each reason a line; empty when neither has one."""
    service = names.service
    found = []
    roles = (f"{service}-{environment.environment}-execution" for environment in known)
    longest = max(roles, key=len, default="")
    if len(longest) > _LONGEST_ROLE:
        found.append(f"its role {longest} would have {len(longest)} characters; IAM takes {_LONGEST_ROLE}")
    if service.startswith(_NOT_IN_PARAMETER_STORE):
        found.append(f"Parameter Store refuses names that begin with {' or '.join(_NOT_IN_PARAMETER_STORE)}")
    if keyword.iskeyword(service):
        found.append(f"{service} is a word of the Python language")
    elif names.module in sys.stdlib_module_names or importlib.util.find_spec(names.module) is not None:
        # The image may lack what this machine has, and the other way round: both count.
        found.append(f"Python already has a module named {names.module}, which the service's would hide")
    return found


def _require_new(checkout: Checkout, names: Names, paths: Iterable[Path]) -> None:
    # A folder of that name at the top would be taken for the service's package, or the other way round.
    there = [str(path) for path in (*paths, Path(names.module)) if (checkout.root / path).exists()]
    if there:
        raise GitopsError(
            f"{names.service} is there already: {', '.join(there)}", fix="choose another name, or remove it"
        )


def _starter(checkout: Checkout, names: Names) -> dict[Path, str]:
    """The starter's files for the service."""
    sources = {path.relative_to(STARTER): path for path in STARTER.rglob("*") if path.is_file()}
    # Python of the starter is text here, so that nobody takes it for a module of this package.
    texts = {
        Path(names.fill(_AS_TEXT.sub(".py", str(path)))): names.fill(source.read_text(encoding="utf-8"))
        for path, source in sources.items()
    }
    source, lock = (SERVICES / names.service / f"requirements.{kind}" for kind in ("in", "txt"))
    # The versions that another service has, where one has them all: the tests of all run in one environment.
    there = (checkout.root / SERVICES / other / lock.name for other in checkout.services())
    known = [texts[lock], *(one.read_text(encoding="utf-8") for one in there if one.exists())]
    parts = [part for one in known if (part := lock_part(one, texts[source].split(), str(source)))]
    texts[lock] = parts[-1]
    return {path: text for path, text in texts.items() if not (checkout.root / path).exists()}


def _rendered(checkout: Checkout, aside: Checkout, service: str) -> dict[Path, str]:
    """The service's rendered task definitions, from a copy of what they and the stacks are made of."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Checkout(Path(folder))
        for part in (ENVIRONMENTS, TEMPLATES, TASKDEFS):
            for source in (checkout, aside):
                if (source.root / part).is_dir():
                    shutil.copytree(source.root / part, copy.root / part, dirs_exist_ok=True)
        known = environments.load_all(copy)
        for environment in known.values():
            order.load(copy, environment)
        return tree.expected(copy, [service], known)


def _write(aside: Checkout, texts: dict[Path, str]) -> None:
    for path, text in texts.items():
        (aside.root / path).parent.mkdir(parents=True, exist_ok=True)
        (aside.root / path).write_text(text, encoding="utf-8")


def _format(checkout: Checkout, aside: Checkout, folders: Iterable[Path]) -> None:
    """Sort imports and fold lines as the new names ask for, where there is a ruff that would ask for it too."""
    try:
        ruff = tool("ruff")
    except NotInstalledError:
        return
    settings = checkout.root / "pyproject.toml"
    config = ["--config", str(settings)] if settings.exists() else ["--isolated"]
    # ruff tells ours from others' by the package that a file is in.
    for package in (TESTS, TESTS.parent):
        (aside.root / package / "__init__.py").touch()
    where = [str(aside.root / folder) for folder in folders]
    for words in (["check", "--quiet", "--select", "I", "--fix"], ["format", "--quiet"]):
        done = subprocess.run(
            [ruff, words[0], "--no-cache", *config, *words[1:], *where], capture_output=True, text=True, check=False
        )
        if done.returncode:
            last = (done.stderr or done.stdout).strip().splitlines() or ["it said nothing"]
            raise GitopsError(f"ruff {words[0]} failed: {last[-1]}", fix="nothing was made; correct that first")


def _move(aside: Checkout, checkout: Checkout, paths: Iterable[Path]) -> None:
    """Move what is new into place; what has moved goes again when one cannot, and on Ctrl-C."""
    moved: list[Path] = []
    try:
        for path in paths:
            target = checkout.root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            moved.append(target)
            (aside.root / path).rename(target)
    except BaseException:
        for target in moved:
            if target.is_dir():
                shutil.rmtree(target)
            else:
                target.unlink(missing_ok=True)
        raise
