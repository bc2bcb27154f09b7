"""The Dockerfile's base image, or one made from Debian where no registry is in reach."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import ssl
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

from docker import DockerClient
from docker.errors import APIError, DockerException, ImageNotFound

from gitops import Checkout, GitopsError
from gitops.repository import DOCKERFILE, SERVICES
from rehearsal.runtimes.containers import LABEL, connect

# The service needs Python 3.11 or newer; bookworm has 3.11.
SUITE: Final = "bookworm"
PACKAGES: Final = "python3,python3-venv,ca-certificates"
NAME: Final = "fairweather-rehearsal-base"
CERTIFICATES: Final = Path("etc/ssl/certs/ca-certificates.crt")
Say = Callable[[str], None]


def build_settings(checkout: Checkout, state: Path, services: Iterable[str], say: Say) -> dict[str, str]:
    """The environment in which ``gitops build`` builds these services with Docker on this machine.

    Where each Dockerfile's base image can be had, nothing but the builder is
    named. Otherwise a base is made from Debian (about 40 s, once: kept as a tar
    in ``state/cache``), and the build gets the host's network, since the proxy
    that such a machine needs is usually reached only from there.
    """
    bases = {default_base((checkout.root / SERVICES / service / DOCKERFILE).read_text()) for service in services}
    settings = {"FAIRWEATHER_BUILDER": "docker"}
    with contextlib.closing(connect()) as engine:
        missing = next((base for base in sorted(bases) if not _available(engine, base)), None)
        if missing is None:
            return settings
        say(f"the base image {missing.split('@')[0]} cannot be pulled here")
        image = debian_base(engine, state, say)
    return {**settings, "FAIRWEATHER_BASE_IMAGE": image, "FAIRWEATHER_BUILD_NETWORK": "host"}


def default_base(dockerfile: str) -> str:
    """The default of the Dockerfile's argument BASE_IMAGE; GitopsError without one."""
    match = re.search(r"^ARG\s+BASE_IMAGE=(\S+)", dockerfile, re.MULTILINE)
    if match is None:
        raise GitopsError("the Dockerfile has no ARG BASE_IMAGE with a default", fix="add ARG BASE_IMAGE=<image>")
    return match[1]


def _available(engine: DockerClient, image: str) -> bool:
    try:
        engine.images.get(image)
    except ImageNotFound:
        try:
            engine.images.pull(image)
        except (APIError, DockerException):
            return False
    return True


def debian_base(engine: DockerClient, state: Path, say: Say) -> str:
    """Make (or take from the cache) a Debian base image and load it; its name.

    Raises GitopsError without root or debootstrap, or when debootstrap fails.
    """
    # Its label names one state folder, so each clone has an image of its own to remove.
    name = f"{NAME}:{SUITE}-{hashlib.sha256(str(state).encode()).hexdigest()[:12]}"
    try:
        engine.images.get(name)
    except ImageNotFound:
        pass
    else:
        return name
    archive = state / "cache" / f"base-{SUITE}.tar"
    if not archive.exists():
        _require_debootstrap()
        archive.parent.mkdir(parents=True, exist_ok=True)
        with _held(archive.parent):
            # Whoever held the cache before may have made it meanwhile.
            if not archive.exists():
                say(f"making a base image from Debian {SUITE} (about 40 s, kept for the next time)")
                _debootstrap(archive, state)
    say("loading the base image")
    imported = subprocess.run(
        ["docker", "import", "--change", f"LABEL {LABEL}={state}", str(archive), name],
        capture_output=True,
        text=True,
        check=False,
    )
    if imported.returncode:
        raise GitopsError(f"docker import failed: {_last(imported.stderr)}")
    return name


@contextlib.contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Hold a folder against others that want to make something in it: a lock that leaves no file."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _require_debootstrap() -> None:
    if os.geteuid() != 0:
        raise GitopsError(
            "the base image cannot be pulled, and making one from Debian needs root",
            fix="run it as root, or use --runtime processes",
        )
    if shutil.which("debootstrap") is None:
        raise GitopsError(
            "the base image cannot be pulled, and debootstrap, which makes one from Debian, is not installed",
            fix="apt-get install debootstrap, or use --runtime processes",
        )


def _debootstrap(archive: Path, state: Path) -> None:
    # Beside the cache and not in it: what an end by force leaves here goes when the rehearsal is stopped.
    with tempfile.TemporaryDirectory(dir=state, prefix="base-") as folder:
        root = Path(folder) / "root"
        made = subprocess.run(
            ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", SUITE, str(root)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if made.returncode:
            raise GitopsError(
                f"debootstrap failed: {_last(made.stdout)}", fix="check the network, or use --runtime processes"
            )
        _trust_this_machine(root)
        # Packages and their lists: half of the archive, and no build needs them.
        for cached in ("var/cache/apt", "var/lib/apt/lists"):
            shutil.rmtree(root / cached, ignore_errors=True)
        partial = archive.with_suffix(".partial")
        with tarfile.open(partial, "w") as tar:
            tar.add(root, arcname=".", filter=_no_devices)
        partial.rename(archive)


def _trust_this_machine(root: Path) -> None:
    """A machine behind an intercepting proxy trusts a certificate of its own; pip in the build must, too."""
    bundle = os.environ.get("SSL_CERT_FILE") or ssl.get_default_verify_paths().cafile
    if bundle and Path(bundle).is_file():
        shutil.copyfile(bundle, root / CERTIFICATES)


def _no_devices(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if member.isdev() and not member.isfile() else member


def _last(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"
