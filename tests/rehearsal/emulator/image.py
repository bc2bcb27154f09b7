"""A one-layer image of a tiny service, pushed by the registry's own protocol."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import tarfile
from typing import Any
from urllib.parse import urljoin

from rehearsal.emulator import ADMINISTRATOR
from rehearsal.page import loopback
from tests.rehearsal.emulator.account import REGION, REGISTRY, Account

# Listens where GUNICORN_CMD_ARGS says. BEHAVIOUR: "exits" at start, "sick" from the start, "stubborn" about SIGTERM.
# /asked answers once /slow is asked, and that answers after /go; /sicken makes /health fail from then on.
SERVICE = """
import http.server, os, signal, sys, threading
print("starting", os.environ["VERSION"], flush=True)
if os.environ["BEHAVIOUR"] == "exits":
    print("the configuration is broken", flush=True)
    sys.exit(7)
if os.environ["BEHAVIOUR"] == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
sick = os.environ["BEHAVIOUR"] == "sick"
asked, told = threading.Event(), threading.Event()
address, port = os.environ["GUNICORN_CMD_ARGS"].rsplit(" ", 1)[1].split(":")

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        global sick
        sick = sick or self.path == "/sicken"
        if self.path == "/slow":
            asked.set()
            told.wait()
        elif self.path == "/asked":
            asked.wait()
        elif self.path == "/go":
            told.set()
        body = f"{os.environ['VERSION']} {os.environ.get('KEY', '')} {self.path}".encode()
        self.send_response(500 if sick and self.path == "/health" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass

http.server.ThreadingHTTPServer((address, int(port)), Handler).serve_forever()
"""


def layer() -> bytes:
    """A tar.gz with app/service.py."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        member = tarfile.TarInfo("app/service.py")
        member.size = len(SERVICE)
        archive.addfile(member, io.BytesIO(SERVICE.encode()))
    return gzip.compress(content.getvalue(), mtime=0)


def call(account: Account, method: str, path: str, token: str | None, body: bytes = b"", kind: str = "") -> Any:
    """One call of the registry protocol: status, headers and body."""
    headers = {"Content-Type": kind or "application/octet-stream"}
    if token is not None:
        headers["Authorization"] = f"Basic {token}"
    with loopback() as session:
        answer = session.request(method, urljoin(account.url, path), data=body, headers=headers, timeout=30)
    return answer.status_code, answer.headers, answer.content


def registry_token(account: Account, *credentials: str, region: str = REGION) -> str:
    """The token of GetAuthorizationToken, for the Authorization header."""
    client = account.client("ecr", credentials or ADMINISTRATOR, region)
    return str(client.get_authorization_token()["authorizationData"][0]["authorizationToken"])


def push(
    account: Account,
    repository: str,
    version: str,
    behaviour: str = "serves",
    token: str | None = None,
    registry: str = REGISTRY,
) -> str:
    """Push an image tagged with its version to a registry (its account and region); its reference with the digest.

    AssertionError when refused.
    """
    token = token or registry_token(account, region=registry.rpartition("/")[2])
    repository = f"{registry}/{repository}"
    configuration = {
        "config": {
            "Cmd": ["python", "service.py"],
            "Env": [f"VERSION={version}", f"BEHAVIOUR={behaviour}"],
            "WorkingDir": "/app",
        }
    }
    digests = []
    for blob in (layer(), json.dumps(configuration).encode()):
        digest = f"sha256:{hashlib.sha256(blob).hexdigest()}"
        status, headers, answer = call(account, "POST", f"/v2/{repository}/blobs/uploads/", token)
        assert status == 202, answer
        status, _, answer = call(account, "PUT", f"{headers['Location']}?digest={digest}", token, blob)
        assert status == 201, answer
        digests.append({"digest": digest, "size": len(blob)})
    kind = "application/vnd.oci.image.manifest.v1+json"
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": kind,
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", **digests[1]},
            "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", **digests[0]}],
        }
    ).encode()
    status, headers, answer = call(account, "PUT", f"/v2/{repository}/manifests/{version}", token, manifest, kind)
    assert status == 201, answer
    return f"127.0.0.1:{account.port}/{repository}:{version}@{headers['Docker-Content-Digest']}"


def basic(password: str) -> str:
    """A password as the Authorization header carries it."""
    return base64.b64encode(f"AWS:{password}".encode()).decode()
