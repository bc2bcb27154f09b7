"""Images without an engine: unpacked into folders by their digest, and how their command is run from there."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any

from backports import tarfile

from gitops import GitopsError, Login, Reference, RegistryClient

# Where the rehearsal's own registry answers.
HERE = re.compile(r"127\.0\.0\.1:\d+/")
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PYTHONS = ("python", "python3")
# No site packages of the rehearsal's own environment: a requirement that the image lacks must be missed.
INTERPRETER = (sys.executable, "-S", "-s")


def is_here(image: str) -> bool:
    """Whether an image is in the rehearsal's own registry."""
    return HERE.match(image) is not None


def look_up(image: str, password: str) -> tuple[RegistryClient, str]:
    """The client that has an image of the rehearsal's registry, and its digest; ``password`` is a registry token.

    The digest wins where the name has a tag as well. Raises GitopsError with
    the registry's own words when it refuses, and for an image from elsewhere.
    """
    reference = Reference.parse(image)
    if not is_here(reference.uri):
        raise GitopsError(f"{image} is not in the rehearsal's registry (127.0.0.1)")
    client = RegistryClient(reference.uri, Login("AWS", password))
    try:
        return client, client.digest(reference.digest or reference.tag or "latest")
    except GitopsError as error:
        # What a role of AWS would need is no part of what an engine says.
        raise GitopsError(f"{image}: {error.problem}") from None


@dataclass(frozen=True)
class UnpackedImage:
    """An image's root folder and the ``config`` object of its configuration."""

    digest: str
    root: Path
    config: dict[str, Any]


@dataclass(frozen=True)
class UnpackedImages:
    """The folder ``<state>/images``: one folder for each digest."""

    folder: Path
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def pull(self, image: str, password: str) -> UnpackedImage:
        """The image, fetched and unpacked where that has not been done.

        The manifest is asked for each time, as an engine does: what the caller
        may not pull must fail even when it lies here. Raises GitopsError when
        the registry refuses, a layer is unsafe, or the disk is full.
        """
        client, digest = look_up(image, password)
        target = self.folder / digest.removeprefix("sha256:")
        with self._lock:
            if not target.exists():
                self._unpack(client, digest, target)
        return UnpackedImage(digest, target / "root", json.loads((target / "config.json").read_bytes()))

    def _unpack(self, client: RegistryClient, digest: str, target: Path) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(dir=self.folder, prefix="unpacking-"))
        try:
            image = client.image(digest)
            root = work / "root"
            root.mkdir()
            for layer in image.layers:
                _extract(client.blob(layer.digest), root)
            _compile(root)
            (work / "config.json").write_text(json.dumps(image.config.get("config") or {}))
            work.rename(target)
        except (tarfile.TarError, ValueError, KeyError) as error:
            raise GitopsError(
                f"image {target.name[:12]} cannot be unpacked: {error}",
                fix="build it with the builder pack, or use --runtime containers",
            ) from None
        except OSError as error:
            raise GitopsError(f"image {target.name[:12]} cannot be unpacked: {error.strerror}") from None
        finally:
            shutil.rmtree(work, ignore_errors=True)


def _compile(root: Path) -> None:
    """Bytecode for every task to come: a start without it takes four times as long."""
    mode = ["--invalidation-mode", "unchecked-hash"]
    # A package may carry templates that are no Python; what does not compile is left to whoever imports it.
    subprocess.run([sys.executable, "-I", "-m", "compileall", "-qq", "-j0", *mode, str(root)], check=False)


def _extract(layer: bytes, root: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(layer)) as archive:
        for member in archive:
            name = Path(member.name)
            # A whiteout: this layer removes what an earlier one brought (OCI image spec, layer.md).
            if name.name.startswith(".wh."):
                _remove(root, name)
            else:
                archive.extract(member, root, filter="data")


def _remove(root: Path, whiteout: Path) -> None:
    folder = (root / whiteout.parent).resolve()
    if not folder.is_relative_to(root.resolve()):
        raise tarfile.OutsideDestinationError(tarfile.TarInfo(str(whiteout)), str(folder))
    hidden = whiteout.name.removeprefix(".wh.")
    removed = list(folder.glob("*")) if hidden == ".wh..opq" else [folder / hidden]
    for path in removed:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


@dataclass(frozen=True)
class ImageCommand:
    """What to exec, in which folder, with which environment and nothing else."""

    arguments: tuple[str, ...]
    folder: Path
    environment: dict[str, str]


def image_command(
    image: UnpackedImage,
    command: Sequence[str] | None,
    environment: Mapping[str, str],
    container: Mapping[str, Any] = MappingProxyType({}),
) -> ImageCommand:
    """The image's command on this machine; what is given overrides the image's.

    A ``container`` definition's entry point replaces the image's command, too.
    Entries of PATH and PYTHONPATH that exist in the image mean the unpacked
    folder. Python is this interpreter, without its own site packages. Raises
    GitopsError when the image has no command or its command is not found.
    """
    own = container.get("entryPoint")
    arguments = [
        *(own or image.config.get("Entrypoint") or []),
        *(command or (not own and image.config.get("Cmd")) or []),
    ]
    if not arguments:
        raise GitopsError("the image has no command and the task definition gives none")
    variables = dict(entry.split("=", 1) for entry in image.config.get("Env") or [] if "=" in entry)
    variables.setdefault("PATH", DEFAULT_PATH)
    variables.update(environment)
    for name in ("PATH", "PYTHONPATH"):
        if name in variables:
            variables[name] = _mapped(image.root, variables[name])
    working = container.get("workingDirectory") or image.config.get("WorkingDir") or "/"
    folder = _inside(image.root, working)
    if not folder.is_dir():
        raise GitopsError(f"the working directory {working} does not exist in the image")
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
