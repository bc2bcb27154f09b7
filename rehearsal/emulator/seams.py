"""The one file that assigns into ministack: every internal relied upon, by module, and the version they belong to.

They are internals: the exact version is required, each is held to its parameters or its shape before anything is
replaced, and one name is replaced once. A test holds that no other file of the emulator assigns into ministack or
uses what is not named here.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from gitops.errors import GitopsError

VERSION: Final = "1.5.33"
FIX: Final = "make, or read rehearsal/emulator/seams.py before raising the version"

# Module (below ministack) → function → its parameters as they are called or replaced here.
FUNCTIONS: Final[dict[str, dict[str, str]]] = {
    "app": {
        "_docker_socket_present": "",
        "_handle_alb_request": "host path method headers body query_params raw_query_string raw_path",
        "_handle_post_body_shortcuts": "method path headers body query_params request_id",
        "_handle_pre_body_request": "method path headers query_params request_id",
        "_handle_special_data_plane_request": (
            "method path headers body query_params request_id raw_path raw_query_string client_ip"
        ),
        "app": "scope receive send",
    },
    "core.concurrency": {"resource_lock": "scope key", "spawn_background": "fn args thread_name kwargs"},
    "core.iam_actions": {
        "extract_resource_arn": "service method path headers body query_params region account_id",
        "request_tag_context": "service iam_action body params",
    },
    "core.iam_evaluator": {
        "_resolve_condition_key": "key ctx",
        "enforce": "access_key_id iam_action service region resource_arn service_context",
        "evaluate": "ctx policies limits",
    },
    "core.responses": {
        "error_response_json": "code message status extra message_key content_type",
        "get_account_id": "",
        "get_region": "",
        "json_response": "data status content_type",
        "new_uuid": "",
        "request_scope": "account_id region",
    },
    "core.router": {"extract_access_key_id": "headers query_params"},
    "services.alb": {
        "_describe_target_health": "params",
        "_error": "code message status",
        "_p": "params key default",
        "_parse_targets_param": "params prefix",
        "_proxy_http_target": "target tg method path headers body query_params raw_query_string",
        "_xml": "status action inner",
        "find_lb_for_host": "host",
        "set_targets_for_group": "tg_arn targets previous_ids",
    },
    "services.cloudformation": {"handle_request": "method path headers body query_params"},
    "services.cloudformation.changesets": {
        "_create_change_set": "params",
        "_find_change_set": "cs_name stack_name",
        "_p": "params key default",
        "_resolve_props_for_diff": "template params stack_name stack_id",
    },
    "services.cloudformation.engine": {
        "_evaluate_conditions": "template params",
        "_parse_template": "template_body",
    },
    "services.cloudformation.helpers": {"_error": "code message status", "_xml": "status root_tag inner"},
    "services.cloudformation.provisioners": {
        "_ec2_apply_tags": "physical_id props old_props",
        "_ec2_sg_permissions": "rules",
    },
    "services.cloudformation.stacks": {
        "_delete_resource": "resource_type physical_id props stack_name logical_id",
        "_provision_resource": "resource_type logical_id props stack_name",
        "_roll_back_operation": "stack_name stack_id stack operation reason_override",
        "_runs_on_worker_thread": "resource_type",
        "_sends_back_failed_update": "resource_type",
    },
    "services.ec2": {
        "_allocate_address": "p",
        "_create_flow_logs": "params",
        "_create_nat_gateway": "params",
        "_delete_flow_logs": "params",
        "_release_address": "p",
        "_rules_match": "a b",
        "_sg_rule_id": "sg_id is_egress rule",
    },
    "services.ecr": {
        "_create_repository": "data",
        "_delete_repository": "data",
        "_parse_v2_path": "path",
        "_registry_error": "status code message detail",
        "_repo_uri": "name",
        "_select_registry_request_scope": "name headers query_params",
        "handle_registry_request": "method path headers body query_params",
        "handle_request": "method path headers body query_params",
        "repository_policy_for_arn": "resource_arn",
    },
    "services.ecs": {
        "_bump_task_version": "task",
        "_circuit_breaker_threshold": "svc",
        "_cluster_name_from_arn": "arn",
        "_complete_service_deployment": "cluster_name svc_key expected_deployment_id",
        "_create_service": "data",
        "_deployment_needs_first_task": "deployment td context",
        "_fail_task_start": "task docker_client reason",
        "_get_docker": "",
        "_iso": "",
        "_make_deployment": "task_definition desired_count status",
        "_mark_task_running": "task_arn task",
        "_mark_task_stopped": "task_arn task reason stop_code exit_code",
        "_normalize_ecs_timestamps": "payload field_name",
        "_primary_deployment": "svc",
        "_reconcile_service_tasks": "cluster_name svc_key",
        "_record_service_task_failure": "task digest_resolution_failed",
        "_record_service_task_healthy": "svc_key task",
        "_recount_cluster": "cluster_name",
        "_refresh_service_state": "cluster_name group",
        "_register_task_definition": "data",
        "_resolve_cluster_name": "ref",
        "_resolve_container_secrets": "cdef",
        "_resolve_service_ref": "ref",
        "_resolve_task": "ref cluster_name",
        "_resolve_td_key": "ref",
        "_run_task": "data",
        "_sanitize": "obj",
        "_schedule_service_deployment_completion": "cluster_name svc_key account_id region healthy_task",
        "_start_awslogs_forwarder": "container cdef task_id",
        "_start_task_worker": "task td container_overrides docker_client",
        "_stop_task": "data",
        "_task_ip": "task",
        "_task_is_active": "task_arn task",
        "_ts_to_epoch": "value",
        "_update_service": "data",
        "handle_request": "method path headers body query_params",
    },
    "services.ecs_metadata": {
        "set_task_status": "task_arn known_status desired_status",
        "unregister_token": "token",
    },
    "services.iam": {"_create_oidc_provider": "p"},
    "services.s3": {"_bucket_has_versions": "name", "_put_object": "bucket_name key body headers"},
    "services.ssm": {"resolve_parameter_value": "name_or_arn version decrypt"},
    "services.sts": {
        "_error": "status code message ns",
        "_p": "params key default",
        "_web_identity_trust_denied": "role_arn params use_json",
        "register_session": "access_key session",
    },
}

# Kept by account and region, and by account alone: what a name means depends on the request.
REGIONAL: Final = "AccountRegionScopedDict"
GLOBAL: Final = "AccountScopedDict"
# How many parts a key has within: account, region and name, or account and name.
PARTS: Final = {REGIONAL: 3, GLOBAL: 2}

# Module → what is read there and is no function → the name of its type.
TABLES: Final[dict[str, dict[str, str]]] = {
    "app": {"AUTH": "bool"},
    "core.iam_evaluator": {"AuthError": "type"},
    "core.responses": {"StreamingResponse": "type"},
    "services.alb": {
        "_lb_attrs": GLOBAL,
        "_lbs": REGIONAL,
        "_listeners": REGIONAL,
        "_rules": REGIONAL,
        "_tags": GLOBAL,
        "_targets": GLOBAL,
        "_tg_attrs": GLOBAL,
        "_tgs": REGIONAL,
    },
    "services.cloudformation": {"_change_sets": REGIONAL, "_stacks": REGIONAL},
    "services.cloudwatch_logs": {"_log_groups": REGIONAL},
    "services.ec2": {
        "_addresses": REGIONAL,
        "_nat_gateways": REGIONAL,
        "_security_groups": REGIONAL,
        "_subnets": REGIONAL,
        "_tags": REGIONAL,
    },
    "services.ecr": {
        "_layer_blobs": REGIONAL,
        "_lifecycle_policies": REGIONAL,
        "_manifest_blobs": REGIONAL,
        "_repo_policies": REGIONAL,
        "_repositories": REGIONAL,
    },
    "services.ecs": {
        "_ImagePullError": "type",
        "_SecretResolutionError": "type",
        "_clusters": REGIONAL,
        "_services": REGIONAL,
        "_tags": GLOBAL,
        "_task_defs": REGIONAL,
        "_tasks": REGIONAL,
    },
    "services.iam": {"_oidc_providers": GLOBAL, "_roles": GLOBAL},
    "services.kms": {"_aliases": REGIONAL},
    "services.s3": {"_buckets": GLOBAL},
}

# Module → the keys of its records that no API shows and that are read or written here.
RECORDS: Final[dict[str, str]] = {
    "services.cloudformation.stacks": "_resolved_params _resources _template",
    "services.ecs": (
        "_container_essentials _deploymentId _deployment_id _docker_ids _image_digests _metadata_tokens "
        "_startup_stable _subnet"
    ),
}

# What an entry of a table of functions is: a function's parameters, those of several by name, those of the first of a
# tuple, "" for a value that is only replaced, or None where ministack must have no entry of its own.
Shape = str | Mapping[str, str] | tuple[str] | None
HANDLERS: Final = "services.cloudformation.provisioners._RESOURCE_HANDLERS"
STACK_TAGS: Final = "services.cloudformation.provisioners._STACK_TAG_PROPERTY"
READERS: Final = "services.cloudformation.drift._DRIFT_READERS"
CHANGE_SETS: Final = "services.cloudformation.handlers._ACTION_HANDLERS"
ECS: Final = "services.ecs._ACTION_MAP"
ELB: Final = "services.alb._ACTION_MAP"
_IN_PLACE: Final = {
    "create": "logical_id props stack_name",
    "update": "physical_id old_props new_props stack_name logical_id",
    "delete": "physical_id props",
}
_READ: Final = ("physical_id props",)
LACKING: Final = (
    "AWS::EC2::EIP",
    "AWS::EC2::NatGateway",
    "AWS::EC2::SecurityGroupIngress",
    "AWS::EC2::SecurityGroupEgress",
    "AWS::EC2::FlowLog",
    "AWS::IAM::OIDCProvider",
    "AWS::ApplicationAutoScaling::ScalableTarget",
    "AWS::ApplicationAutoScaling::ScalingPolicy",
)

# Table of functions → the entries that are replaced or added here → their shapes.
ENTRIES: Final[dict[str, dict[str, Shape]]] = {
    HANDLERS: {
        "AWS::ECS::Service": _IN_PLACE | {"update": "physical_id old_props new_props stack_name"},
        "AWS::ElasticLoadBalancingV2::Listener": _IN_PLACE,
        "AWS::ElasticLoadBalancingV2::LoadBalancer": _IN_PLACE,
        "AWS::ElasticLoadBalancingV2::ListenerRule": _IN_PLACE,
        "AWS::IAM::Role": _IN_PLACE,
        "AWS::S3::Bucket": {"delete": "physical_id props"},
        **dict.fromkeys(LACKING),
    },
    STACK_TAGS: dict.fromkeys(LACKING),
    READERS: {
        **dict.fromkeys(
            (
                "AWS::EC2::SecurityGroup",
                "AWS::EC2::SecurityGroupIngress",
                "AWS::EC2::SecurityGroupEgress",
                "AWS::ECS::Service",
                "AWS::ElasticLoadBalancingV2::LoadBalancer",
                "AWS::ElasticLoadBalancingV2::TargetGroup",
            )
        ),
        "AWS::ECR::Repository": _READ,
        "AWS::IAM::Role": _READ,
        "AWS::Logs::LogGroup": _READ,
        "AWS::S3::Bucket": _READ,
    },
    CHANGE_SETS: {"CreateChangeSet": "params", "DescribeEvents": "params"},
    ECS: {
        "CreateService": "data",
        "DescribeServices": "data",
        "DescribeTasks": "data",
        "ListTaskDefinitions": "data",
        "DescribeServiceDeployments": "data",
        "DescribeServiceRevisions": "data",
        "ListServiceDeployments": "data",
        "RegisterTaskDefinition": "data",
        "StopServiceDeployment": None,
        "StopTask": "data",
        "UpdateService": "data",
    },
    ELB: {
        "CreateListener": "params",
        "CreateRule": "params",
        "DeleteLoadBalancer": "params",
        "DescribeTargetHealth": "params",
        "ModifyListener": "params",
        "ModifyLoadBalancerAttributes": "params",
        "SetRulePriorities": "params",
    },
}

# What ministack had before it was replaced, by place; and what stands there now.
_originals: Final[dict[str, Any]] = {}
_standing: Final[dict[str, Any]] = {}


def require() -> None:
    """Raise GitopsError unless ministack is of the version, and has every internal as it is named above."""
    try:
        installed = importlib.metadata.version("ministack")
    except importlib.metadata.PackageNotFoundError:
        raise GitopsError("ministack is not installed", fix="make") from None
    if installed != VERSION:
        raise GitopsError(f"ministack {installed} is installed, the rehearsal needs exactly {VERSION}", fix=FIX)
    if found := moved():
        raise GitopsError(found[0], others=tuple(found[1:]), fix=FIX)


def moved() -> list[str]:
    """Every named internal that is gone or is not what it was, as lines to read. To be asked before any replacement."""
    found: list[str | None] = []
    for module, functions in FUNCTIONS.items():
        found += [_moved_function(_at(f"{module}.{name}"), module, name) for name in functions]
    for module, tables in TABLES.items():
        for name, kind in tables.items():
            is_now = type(_at(f"{module}.{name}")).__name__
            found.append(None if is_now == kind else f"ministack.{module}.{name} is no {kind} but {is_now}")
    for kind, parts in PARTS.items():
        table = _at(f"core.responses.{kind}")
        key = table()._scoped("name") if table else ()
        found.append(None if len(key) == parts else f"ministack's {kind} has keys of {len(key)} parts, not {parts}")
    for module, keys in RECORDS.items():
        source = _source(module)
        found += [f"ministack.{module} has no {key}" for key in keys.split() if f'"{key}"' not in source]
    for table, entries in ENTRIES.items():
        found += [line for key, shape in entries.items() for line in _moved_entry(table, key, shape)]
    return [line for line in found if line]


def replace(module: str, name: str, new: Callable[..., Any], *, on: Callable[..., Any] | None = None) -> None:
    """Put ``new`` in the place of a named function.

    Raises GitopsError where ministack's is not what it was, ``new`` does not take its parameters, or the name has
    been replaced and ``on`` is not what stands there: two replacements in one place hide their order.
    """
    place = f"{module}.{name}"
    _require_named(place, name in FUNCTIONS.get(module, {}))
    _stand(place, new, on, FUNCTIONS[module][name], [_moved_function(_at(place), module, name)], _at(place))
    setattr(importlib.import_module(f"ministack.{module}"), name, new)


def enter(table: str, key: str, new: Any, *, on: Any = None) -> None:  # noqa: ANN401 (what the table holds)
    """Put ``new`` into a table of functions; refused as ``replace`` refuses."""
    place = f"{table}[{key}]"
    _require_named(place, key in ENTRIES.get(table, {}))
    shape, entries = ENTRIES[table][key], _at(table)
    _stand(place, new, on, shape, _moved_entry(table, key, shape), (entries or {}).get(key))
    entries[key] = new


def handle(kind: str, **steps: Callable[..., Any]) -> None:
    """Put steps (create, update, delete) of a resource type in the place of ministack's; its others stay."""
    enter(HANDLERS, kind, {**(_at(HANDLERS).get(kind) or {}), **steps})


def original(module: str, name: str) -> Callable[..., Any]:
    """ministack's own function under a name that has been replaced."""
    function: Callable[..., Any] = _originals[f"{module}.{name}"]
    return function


def original_entry(table: str, key: str) -> Any:  # noqa: ANN401 (what the table holds)
    """ministack's own entry under a key, replaced or not; None where it has none."""
    return _originals.get(f"{table}[{key}]", _at(table).get(key))


def _at(place: str) -> Any:  # noqa: ANN401 (any internal)
    """The internal at a place; None where it is gone."""
    module, _, name = place.rpartition(".")
    try:
        return getattr(importlib.import_module(f"ministack.{module}"), name, None)
    except ModuleNotFoundError:
        return None


def _source(module: str) -> str:
    try:
        return inspect.getsource(importlib.import_module(f"ministack.{module}"))
    except ModuleNotFoundError:
        return ""


def _moved_function(function: Any, module: str, name: str) -> str | None:  # noqa: ANN401
    if function is None:
        return f"ministack.{module}.{name} is gone"
    return _other_parameters(function, f"{module}.{name}", FUNCTIONS[module][name])


def _moved_entry(table: str, key: str, shape: Shape) -> Iterator[str]:
    entries = _at(table)
    place = f"{table}[{key}]"
    if not isinstance(entries, dict):
        yield f"ministack.{table} is no table"
    elif shape is None:
        if key in entries:
            yield f"ministack.{place} is there by now: ours may go"
    elif key not in entries:
        yield f"ministack.{place} is gone"
    else:
        one = entries[key]
        functions = one if isinstance(shape, Mapping) else {"": one[0] if isinstance(shape, tuple) else one}
        wanted = shape if isinstance(shape, Mapping) else {"": shape[0] if isinstance(shape, tuple) else shape}
        for name, parameters in wanted.items():
            if name not in functions:
                yield f"ministack.{place} has no {name}"
            elif problem := _other_parameters(functions[name], f"{place} {name}".rstrip(), parameters):
                yield problem


def _other_parameters(function: Callable[..., Any], place: str, parameters: str) -> str | None:
    takes = inspect.signature(function)
    return None if list(takes.parameters) == parameters.split() else f"ministack.{place} takes {takes}"


def _require_named(place: str, named: bool) -> None:
    if not named:
        raise GitopsError(f"ministack.{place} is not named in rehearsal/emulator/seams.py", fix="name it there")


def _stand(
    place: str,
    new: Any,  # noqa: ANN401 (what stands there from now on)
    on: object,
    shape: Shape,
    moved: Iterable[str | None],
    before: object,
) -> None:
    """Record what stands at a place and what ``before`` stood there; raise GitopsError as ``replace`` says."""
    if place not in _standing and (problems := [line for line in moved if line]):
        raise GitopsError(problems[0], others=tuple(problems[1:]), fix=FIX)
    if isinstance(shape, str):
        takes = inspect.signature(new)
        try:
            takes.bind(*shape.split())
        except TypeError:
            raise GitopsError(f"what replaces ministack.{place} takes {takes}", fix=f"take {shape}") from None
    # Not by identity: a bound method is another object each time it is named.
    if (standing := _standing.get(place)) != on:
        raise GitopsError(f"ministack.{place} has been replaced by {standing}", fix="put both into one function")
    _originals.setdefault(place, before)
    _standing[place] = new
