"""A request to a load balancer's own name goes to its targets, whatever its path.

ministack answers /health, /v2/… and a few more itself before it looks at the host.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SUFFIXES = (".elb.amazonaws.com", ".alb.localhost")


def is_load_balancer(headers: Mapping[str, str]) -> bool:
    """Whether a request names a load balancer as its host."""
    return headers.get("host", "").split(":")[0].lower().endswith(SUFFIXES)


def owner(host: str) -> tuple[str, str]:
    """Account and region of the load balancer that answers to a name; the request's own where none does."""
    from ministack.core.responses import get_account_id, get_region, request_scope
    from ministack.services import alb

    for account, region in sorted({(account, region) for (account, region, _), _ in alb._lbs.all_items()}):
        with request_scope(account, region):
            if alb.find_lb_for_host(host) is not None:
                return account, region
    return get_account_id(), get_region()


def install() -> None:
    """Put the load balancer before ministack's own paths."""
    from ministack import app
    from ministack.core.responses import request_scope

    before, shortcuts, data_plane = (
        app._handle_pre_body_request,
        app._handle_post_body_shortcuts,
        app._handle_special_data_plane_request,
    )

    async def pre_body(method: str, path: str, headers: dict[str, str], *rest: Any) -> Any:  # noqa: ANN401
        return None if is_load_balancer(headers) else await before(method, path, headers, *rest)

    async def post_body(method: str, path: str, headers: dict[str, str], *rest: Any) -> Any:  # noqa: ANN401
        return None if is_load_balancer(headers) else await shortcuts(method, path, headers, *rest)

    async def special(
        method: str,
        path: str,
        headers: dict[str, str],
        body: bytes,
        query_params: Any,  # noqa: ANN401
        request_id: str,
        raw_path: str | None = None,
        raw_query_string: str = "",
        client_ip: str = "127.0.0.1",
    ) -> Any:  # noqa: ANN401
        if is_load_balancer(headers):
            # A visitor signs nothing: the account is the one that has a load balancer of this name.
            with request_scope(*owner(headers["host"])):
                answer = await app._handle_alb_request(
                    headers["host"], path, method, headers, body, query_params, raw_query_string, raw_path
                )
            return answer or (503, {"Content-Type": "text/plain"}, b"no load balancer has this name\n")
        return await data_plane(
            method, path, headers, body, query_params, request_id, raw_path, raw_query_string, client_ip
        )

    app._handle_pre_body_request = pre_body
    app._handle_post_body_shortcuts = post_body
    app._handle_special_data_plane_request = special
