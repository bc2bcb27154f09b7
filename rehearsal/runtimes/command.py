"""How an image's command is run without a container: its paths, environment and interpreter."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from gitops.errors import GitopsError
from rehearsal.runtimes.unpacked import UnpackedImage

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PYTHONS = ("python", "python3")
# No site packages of the rehearsal's own environment: a requirement that the image lacks must be missed.
INTERPRETER = (sys.executable, "-S", "-s")


@dataclass(frozen=True)
class ImageCommand:
    """What to exec, in which folder, with which environment and nothing else."""

    arguments: tuple[str, ...]
    folder: Path
    environment: dict[str, str]


def image_command(image: UnpackedImage, command: Sequence[str] | None, environment: Mapping[str, str]) -> ImageCommand:
    """The image's command on this machine; ``command`` and ``environment`` override the image's.

    Entries of PATH and PYTHONPATH that exist in the image mean the unpacked
    folder. Python is this interpreter, without its own site packages. Raises
    GitopsError when the image has no command or its command is not found.
    """
    arguments = [
        *(image.config.get("Entrypoint") or []),
        *(command or image.config.get("Cmd") or []),
    ]
    if not arguments:
        raise GitopsError("the image has no command and the task definition gives none")
    variables = dict(entry.split("=", 1) for entry in image.config.get("Env") or [] if "=" in entry)
    variables.setdefault("PATH", DEFAULT_PATH)
    variables.update(environment)
    for name in ("PATH", "PYTHONPATH"):
        if name in variables:
            variables[name] = _mapped(image.root, variables[name])
    folder = _inside(image.root, image.config.get("WorkingDir") or "/")
    if not folder.is_dir():
        raise GitopsError(f"the image's working directory {image.config.get('WorkingDir')} does not exist")
    return ImageCommand((*_program(arguments[0], variables), *arguments[1:]), folder, variables)


def beside(command: ImageCommand, arguments: Sequence[str]) -> ImageCommand:
    """Another command in the environment of a running one; GitopsError when it is not found."""
    program = _program(arguments[0], command.environment)
    return ImageCommand((*program, *arguments[1:]), command.folder, command.environment)


def _inside(root: Path, path: str) -> Path:
    return root / PurePosixPath("/", path).relative_to("/")


def _mapped(root: Path, value: str) -> str:
    entries = []
    for entry in value.split(":"):
        inside = _inside(root, entry) if entry.startswith("/") else None
        entries.append(str(inside) if inside is not None and inside.exists() else entry)
    return ":".join(entries)


def _program(name: str, variables: Mapping[str, str]) -> tuple[str, ...]:
    """The program called ``name``: a script of the image, a module of it, or python itself."""
    if PurePosixPath(name).name in PYTHONS:
        return INTERPRETER
    packages = [Path(entry) for entry in variables.get("PYTHONPATH", "").split(":") if entry]
    folders = [Path(entry) for entry in variables["PATH"].split(":") if entry]
    for folder in [*(package / "bin" for package in packages), *folders]:
        script = folder / name
        if script.is_file():
            return (*INTERPRETER, str(script)) if _is_python(script) else (str(script),)
    # `pip install --target` may leave console scripts out; their package is runnable all the same.
    if any((package / name / "__main__.py").is_file() for package in packages):
        return (*INTERPRETER, "-m", name)
    raise GitopsError(f'exec: "{name}": executable file not found in the image\'s PATH')


def _is_python(script: Path) -> bool:
    with script.open("rb") as opened:
        first, second = opened.readline(200), opened.readline(4096)
    # A path longer than the kernel takes stands in the second line, which is a string to Python: '''exec' /path/python
    return first.startswith(b"#!") and b"python" in (second if second.startswith(b"'''exec'") else first)
