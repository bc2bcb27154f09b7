"""One container of a task as a process group, with a container's methods."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gitops.errors import GitopsError
from rehearsal.runtimes.command import ImageCommand, beside
from rehearsal.runtimes.loopback import asking

# How often a follower of the log looks for more, in seconds.
LOG_INTERVAL = 0.05


@dataclass
class ProcessContainer:
    """A started process; the methods are those of docker-py's Container that the emulator's ECS calls."""

    id: str
    name: str
    labels: dict[str, str]
    address: str
    log: Path
    process: subprocess.Popen[bytes]
    command: ImageCommand
    _reaping: threading.Lock = field(default_factory=threading.Lock)

    @property
    def status(self) -> str:
        """``running`` or ``exited``."""
        with self._reaping:
            ended = self.process.poll() is not None
        return "exited" if ended else "running"

    @property
    def attrs(self) -> dict[str, Any]:
        """The part of ``docker inspect`` from which the emulator reads the address."""
        return {"NetworkSettings": {"Networks": {"loopback": {"IPAddress": self.address}}}}

    def reload(self) -> None:
        """Nothing to do: status and attributes are read when asked for."""

    def check(self, arguments: Sequence[str], timeout: float) -> bool:
        """Whether a command in the container's environment exits with 0 within ``timeout`` seconds."""
        try:
            command = beside(self.command, asking(arguments, self.address))
            done = subprocess.run(
                command.arguments,
                cwd=command.folder,
                env=command.environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=timeout,
                check=False,
            )
        except (GitopsError, OSError, subprocess.TimeoutExpired):
            return False
        return done.returncode == 0

    def wait(self) -> dict[str, int]:
        """Wait for the end; the code is 128 + signal for a killed process, as Docker has it."""
        while self.status != "exited":
            time.sleep(LOG_INTERVAL)
        code = self.process.returncode
        return {"StatusCode": 128 - code if code < 0 else code}

    def stop(self, timeout: float = 10) -> None:
        """SIGTERM to the process, after ``timeout`` seconds SIGKILL to all of its group."""
        if self.status == "running":
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(signal.SIGTERM)
            end = time.monotonic() + timeout
            while self.status == "running" and time.monotonic() < end:
                time.sleep(LOG_INTERVAL)
        # What the process started and did not end itself goes with it.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.wait()

    def logs(
        self,
        *,
        stream: bool = False,
        follow: bool = False,
        tail: int | None = None,
        stdout: bool = True,
        stderr: bool = True,
    ) -> Any:  # noqa: ANN401 (bytes or an iterator of bytes, as docker-py)
        """Everything written so far (the last ``tail`` lines), or with ``stream`` an iterator over it."""
        if stream:
            return self._stream(follow=follow)
        content = self.log.read_bytes() if self.log.exists() else b""
        return content if tail is None else b"".join(content.splitlines(keepends=True)[-tail:])

    def _stream(self, *, follow: bool) -> Iterator[bytes]:
        """Whole lines, the last one included even without its newline."""
        with contextlib.suppress(FileNotFoundError), self.log.open("rb") as opened:
            rest = b""
            while True:
                # Asked before reading: what was written before the end is then read for certain.
                ended = self.status == "exited"
                while chunk := opened.read(65536):
                    *lines, rest = (rest + chunk).split(b"\n")
                    if lines:
                        yield b"\n".join(lines) + b"\n"
                if ended or not follow:
                    break
                time.sleep(LOG_INTERVAL)
            if rest:
                yield rest

    def remove(self, *, v: bool = False, force: bool = False) -> None:
        """Forget the log; the process is stopped first with ``force``."""
        if force:
            self.stop(timeout=0)
        self.log.unlink(missing_ok=True)
