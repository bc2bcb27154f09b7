"""Starts ministack in this process: its environment, what is put into it, what is answered first, and its end."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gitops.errors import GitopsError
from rehearsal import daemons
from rehearsal.emulator import (
    ADMINISTRATOR_ACCESS_KEY_ID,
    ADMINISTRATOR_SECRET_ACCESS_KEY,
    USED_PERMISSIONS,
    application_autoscaling,
    ec2,
    ecr,
    ecs,
    elbv2,
    seams,
)
from rehearsal.emulator.cloudformation import change_sets
from rehearsal.emulator.elbv2.targets import Targets
from rehearsal.emulator.happenings import HAPPENINGS, ROLLBACK, Happenings
from rehearsal.emulator.iam import authorization, identity, sessions
from rehearsal.emulator.ministack import responses
from rehearsal.runtimes import REGISTRY_FILE, Runtime, RuntimeName, create

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Settings:
    """What one emulator is started with; ``state`` is an absolute folder."""

    port: int
    state: Path
    runtime: RuntimeName
    auth: bool = True
    # Seconds: how far reads and lists lag behind, and how long a rollback shows.
    late: float = 0.0
    rollback: float = ROLLBACK


def environment(settings: Settings) -> dict[str, str]:
    """What ministack reads from the environment while it is imported."""
    return {
        "BIND_HOST": HOST,
        "GATEWAY_PORT": str(settings.port),
        # Both listen on every interface by default.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "AUTH": "true" if settings.auth else "false",
        "AWS_ACCESS_KEY_ID": ADMINISTRATOR_ACCESS_KEY_ID,
        "AWS_SECRET_ACCESS_KEY": ADMINISTRATOR_SECRET_ACCESS_KEY,
        "PERSIST_STATE": "0",
        "S3_PERSIST": "0",
        "LOG_LEVEL": "WARNING",
        # A folder of its own: ministack puts state and temporary files there.
        "TMPDIR": str(settings.state / "tmp"),
    }


def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, then stop every task.

    Raises GitopsError when the port is taken, the state folder cannot be
    written, the runtime does not answer, or ministack is not the version that
    this was written for.
    """
    daemons.require_free(settings.port, "emulator")
    _prepare(settings)
    runtime = create(settings.runtime, settings.state)
    try:
        _serve(settings, runtime)
    finally:
        runtime.close()


def _prepare(settings: Settings) -> None:
    try:
        (settings.state / "tmp").mkdir(parents=True, exist_ok=True)
        (settings.state / REGISTRY_FILE).write_text(f"{HOST}:{settings.port}\n")
    except OSError as error:
        raise GitopsError(f"{settings.state} cannot be written: {error.strerror}") from None
    # A developer's own credentials must not become the emulator's root keys.
    for name in [name for name in os.environ if name.startswith(("AWS_", "MINISTACK_", "LOCALSTACK_"))]:
        del os.environ[name]
    os.environ.update(environment(settings))


def _serve(settings: Settings, runtime: Runtime) -> None:
    from hypercorn.asyncio import serve
    from hypercorn.config import Config

    seams.require()
    import ministack.app

    logging.getLogger().setLevel(logging.WARNING)
    _install(settings, runtime)
    config = Config()
    config.bind = [f"{HOST}:{settings.port}"]
    # The load balancer's own idle timeout is 60 s; clients must not find a closed connection before.
    config.keep_alive_timeout = 75
    config.graceful_timeout = 1
    config.loglevel = "WARNING"

    async def until_told() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        print(f"AWS answers on http://{HOST}:{settings.port} ({settings.runtime})", flush=True)
        await serve(ministack.app.app, config, shutdown_trigger=stop.wait)
        ecs.rest()
        await asyncio.to_thread(runtime.close)

    asyncio.run(until_told())


def _install(settings: Settings, runtime: Runtime) -> None:
    """Put everything of the rehearsal into ministack, room by room; once, before it serves."""
    # ministack would look for containers of its own at start and end; the runtime does that.
    seams.replace("app", "_docker_socket_present", lambda: False)
    happenings = Happenings(settings.late, settings.rollback)
    _answer_first(sessions.install(), happenings)
    authorization.install()
    identity.install()
    ecr.Registries(settings.port, settings.state / "registry").install()
    targets = Targets()
    targets.install()
    elbv2.install()
    ecs.install(runtime, targets, happenings)
    change_sets.install(
        types={**ec2.TYPES, **identity.TYPES, **application_autoscaling.TYPES},
        readers={**ec2.READERS, **ecr.READERS, **ecs.READERS, **elbv2.READERS, **identity.READERS},
    )


def _answer_first(used: sessions.Memory, happenings: Happenings) -> None:
    """What is answered before ministack looks at the path: a load balancer's own name, what was used, what happens."""

    async def pre_body(method: str, path: str, headers: dict[str, str], *rest: Any) -> Any:  # noqa: ANN401
        if elbv2.is_load_balancer(headers):
            return None
        if path == USED_PERMISSIONS and method == "GET":
            return used.answer()
        operation = headers.get("x-amz-target", "").rpartition(".")[2]
        if operation and happenings.happens("throttling", operation=operation):
            # https://docs.aws.amazon.com/AmazonECS/latest/APIReference/CommonErrors.html (ThrottlingException, 400)
            return responses.error_response_json("ThrottlingException", "Rate exceeded", 400)
        return await seams.original("app", "_handle_pre_body_request")(method, path, headers, *rest)

    async def post_body(method: str, path: str, headers: dict[str, str], *rest: Any) -> Any:  # noqa: ANN401
        if elbv2.is_load_balancer(headers):
            return None
        if path == HAPPENINGS:
            return await asyncio.to_thread(happenings.answer, method, rest[0])
        return await seams.original("app", "_handle_post_body_shortcuts")(method, path, headers, *rest)

    async def data_plane(method: str, path: str, headers: dict[str, str], *rest: Any, **raw: Any) -> Any:  # noqa: ANN401
        if elbv2.is_load_balancer(headers):
            body, query = rest[:2]
            return await elbv2.answer(method, path, headers, body, query, raw["raw_query_string"], raw["raw_path"])
        return await seams.original("app", "_handle_special_data_plane_request")(method, path, headers, *rest, **raw)

    seams.replace("app", "_handle_pre_body_request", pre_body)
    seams.replace("app", "_handle_post_body_shortcuts", post_body)
    seams.replace("app", "_handle_special_data_plane_request", data_plane)
