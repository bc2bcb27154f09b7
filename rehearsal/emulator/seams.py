"""The places in ministack that are replaced, all named here, and the version they belong to.

They are internals: the exact version is required at start, and a test holds
every name and its parameters, so that a move is noticed before it matters.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from gitops.errors import GitopsError
from rehearsal.emulator import (
    authorization,
    change_sets,
    cloudformation_permissions,
    drift,
    further_permissions,
    identity,
    load_balancer_host,
    resources,
    scheduler,
    service_deployments,
    used_permissions,
)
from rehearsal.emulator.registry import blobs, protocol
from rehearsal.runtimes import Runtime

VERSION: Final = "1.5.33"

# module (below ministack) → function → its parameters as they are called or replaced here.
FUNCTIONS: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "app": {
        "_docker_socket_present": (),
        "_handle_alb_request": (
            "host",
            "path",
            "method",
            "headers",
            "body",
            "query_params",
            "raw_query_string",
            "raw_path",
        ),
        "_handle_post_body_shortcuts": ("method", "path", "headers", "body", "query_params", "request_id"),
        "_handle_pre_body_request": ("method", "path", "headers", "query_params", "request_id"),
        "_handle_special_data_plane_request": (
            "method",
            "path",
            "headers",
            "body",
            "query_params",
            "request_id",
            "raw_path",
            "raw_query_string",
            "client_ip",
        ),
    },
    "services.ecr": {
        "_repo_uri": ("name",),
        "_parse_v2_path": ("path",),
        "_registry_error": ("status", "code", "message", "detail"),
        "_create_repository": ("data",),
        "_delete_repository": ("data",),
        "handle_request": ("method", "path", "headers", "body", "query_params"),
        "handle_registry_request": ("method", "path", "headers", "body", "query_params"),
        "repository_policy_for_arn": ("resource_arn",),
    },
    "services.ecs": {
        "_bump_task_version": ("task",),
        "_circuit_breaker_threshold": ("svc",),
        "_cluster_name_from_arn": ("arn",),
        "_complete_service_deployment": ("cluster_name", "svc_key", "expected_deployment_id"),
        "_create_service": ("data",),
        "_deployment_needs_first_task": ("deployment", "td", "context"),
        "_get_docker": (),
        "_iso": (),
        "_make_deployment": ("task_definition", "desired_count", "status"),
        "_mark_task_running": ("task_arn", "task"),
        "_mark_task_stopped": ("task_arn", "task", "reason", "stop_code", "exit_code"),
        "_normalize_ecs_timestamps": ("payload", "field_name"),
        "_primary_deployment": ("svc",),
        "_reconcile_service_tasks": ("cluster_name", "svc_key"),
        "_record_service_task_failure": ("task", "digest_resolution_failed"),
        "_record_service_task_healthy": ("svc_key", "task"),
        "_recount_cluster": ("cluster_name",),
        "_refresh_service_state": ("cluster_name", "group"),
        "_register_task_definition": ("data",),
        "_resolve_cluster_name": ("ref",),
        "_resolve_container_secrets": ("cdef",),
        "_resolve_service_ref": ("ref",),
        "_resolve_task": ("ref", "cluster_name"),
        "_resolve_td_key": ("ref",),
        "_run_task": ("data",),
        "_sanitize": ("obj",),
        "_schedule_service_deployment_completion": (
            "cluster_name",
            "svc_key",
            "account_id",
            "region",
            "healthy_task",
        ),
        "_start_awslogs_forwarder": ("container", "cdef", "task_id"),
        "_start_task_worker": ("task", "td", "container_overrides", "docker_client"),
        "_stop_task": ("data",),
        "_task_ip": ("task",),
        "_task_is_active": ("task_arn", "task"),
        "_ts_to_epoch": ("value",),
        "_update_service": ("data",),
        "handle_request": ("method", "path", "headers", "body", "query_params"),
    },
    "services.alb": {
        "_describe_target_health": ("params",),
        "find_lb_for_host": ("host",),
        "_p": ("params", "key", "default"),
        "_parse_targets_param": ("params", "prefix"),
        "_proxy_http_target": (
            "target",
            "tg",
            "method",
            "path",
            "headers",
            "body",
            "query_params",
            "raw_query_string",
        ),
        "_xml": ("status", "action", "inner"),
        "set_targets_for_group": ("tg_arn", "targets", "previous_ids"),
    },
    "services.ssm": {"resolve_parameter_value": ("name_or_arn", "version", "decrypt")},
    "services.sts": {
        "_error": ("status", "code", "message", "ns"),
        "_p": ("params", "key", "default"),
        "register_session": ("access_key", "session"),
        "_web_identity_trust_denied": ("role_arn", "params", "use_json"),
    },
    "core.iam_actions": {
        "extract_resource_arn": (
            "service",
            "method",
            "path",
            "headers",
            "body",
            "query_params",
            "region",
            "account_id",
        ),
        "request_tag_context": ("service", "iam_action", "body", "params"),
    },
    "core.iam_evaluator": {
        "_resolve_condition_key": ("key", "ctx"),
        "enforce": ("access_key_id", "iam_action", "service", "region", "resource_arn", "service_context"),
        "evaluate": ("ctx", "policies", "limits"),
    },
    "core.router": {"extract_access_key_id": ("headers", "query_params")},
    "core.responses": {"request_scope": ("account_id", "region")},
    "services.ec2": {
        "_allocate_address": ("p",),
        "_release_address": ("p",),
        "_create_nat_gateway": ("params",),
        "_create_flow_logs": ("params",),
        "_delete_flow_logs": ("params",),
        "_rules_match": ("a", "b"),
        "_sg_rule_id": ("sg_id", "is_egress", "rule"),
    },
    "services.iam": {"_create_oidc_provider": ("p",)},
    "services.cloudformation": {"handle_request": ("method", "path", "headers", "body", "query_params")},
    "services.cloudformation.helpers": {"_error": ("code", "message", "status")},
    "services.cloudformation.changesets": {
        "_create_change_set": ("params",),
        "_find_change_set": ("cs_name", "stack_name"),
        "_p": ("params", "key", "default"),
        "_resolve_props_for_diff": ("template", "params", "stack_name", "stack_id"),
    },
    "services.cloudformation.engine": {"_evaluate_conditions": ("template", "params")},
    "services.cloudformation.provisioners": {
        "_ec2_apply_tags": ("physical_id", "props", "old_props"),
        "_ec2_sg_permissions": ("rules",),
    },
    "services.cloudformation.stacks": {"_runs_on_worker_thread": ("resource_type",)},
    "core.concurrency": {"resource_lock": ("scope", "key")},
}


def require_version() -> None:
    """Raise GitopsError unless the installed ministack is the one these replacements were written for."""
    try:
        installed = importlib.metadata.version("ministack")
    except importlib.metadata.PackageNotFoundError:
        raise GitopsError("ministack is not installed", fix="make") from None
    if installed != VERSION:
        raise GitopsError(
            f"ministack {installed} is installed, the rehearsal needs exactly {VERSION}",
            fix="make, or read rehearsal/emulator/seams.py before raising the version",
        )


def moved() -> list[str]:
    """Every named internal that is gone or has other parameters, as lines to read."""
    found = []
    for module_name, functions in FUNCTIONS.items():
        module = importlib.import_module(f"ministack.{module_name}")
        for name, parameters in functions.items():
            function: Callable[..., Any] | None = getattr(module, name, None)
            if function is None:
                found.append(f"ministack.{module_name}.{name} is gone")
            elif tuple(inspect.signature(function).parameters) != parameters:
                found.append(f"ministack.{module_name}.{name} takes {inspect.signature(function)}")
    return found


def apply(port: int, state: Path, runtime: Runtime) -> None:
    """Put everything of the rehearsal into ministack; once, before it serves."""
    import ministack.app

    # ministack would look for containers of its own at start and end; the runtime does that.
    ministack.app._docker_socket_present = lambda: False
    protocol.install(port)
    blobs.install(state / "registry")
    identity.install()
    authorization.install()
    further_permissions.install()
    cloudformation_permissions.install()
    used_permissions.install()
    change_sets.install()
    load_balancer_host.install()
    scheduler.install(runtime)
    service_deployments.install()
    resources.register()
    drift.install()
