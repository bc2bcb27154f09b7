from __future__ import annotations

import pytest

from gitops.drills.connection import Place, place
from gitops.errors import GitopsError

LB = "lb-1.eu-west-2.elb.amazonaws.com"


@pytest.mark.parametrize(
    ("url", "name", "address", "port", "host"),
    [
        ("http://f.alb.localhost:4566/", "", "127.0.0.1", 4566, "f.alb.localhost:4566"),
        (f"http://{LB}/", "", LB, 80, LB),
        (f"https://{LB}/", "weather.example", LB, 443, "weather.example"),
    ],
)
def test_requests_go_to_the_load_balancer_whatever_the_name(
    url: str, name: str, address: str, port: int, host: str
) -> None:
    found = place(url, name)
    assert (found.address, found.port, found.host) == (address, port, host)
    assert (found.tls is not None) == url.startswith("https")


def test_a_certificate_is_checked() -> None:
    tls = place("https://lb/").tls
    assert tls is not None
    assert tls.check_hostname


def test_without_a_load_balancer_there_is_no_place() -> None:
    with pytest.raises(GitopsError, match="no load balancer"):
        place("")


def test_a_port_that_is_not_the_usual_one_stands_in_the_host() -> None:
    assert Place("127.0.0.1", 8080, "a").host == "a:8080"
