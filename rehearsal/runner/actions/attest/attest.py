"""What actions/attest does, without Sigstore: the store learns from the job's token who states this."""

from __future__ import annotations

import json
import os
import re
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

PROVENANCE = "https://slsa.dev/provenance/v1"
BILL = "https://cyclonedx.org/bom"


def main() -> int:
    """Exit code 1 when the digest is none, the bill is no CycloneDX, or the store refuses."""
    digest, bill = os.environ["DIGEST"], os.environ["BILL"]
    if not re.fullmatch(r"sha256:[0-9a-f]{64}", digest):
        return _failed(f"subject-digest is no digest: {digest!r}")
    if bill and json.loads(Path(bill).read_text(encoding="utf-8")).get("bomFormat") != "CycloneDX":
        return _failed(f"{bill} is no bill in CycloneDX's form")
    url = os.environ.get("ACTIONS_ID_TOKEN_REQUEST_URL", "")
    if not url:
        return _failed("the job has no OIDC token: it needs id-token: write")
    try:
        query = urllib.parse.urlencode({"audience": "sigstore"})
        token = _ask(f"{url}&{query}", f"bearer {os.environ['ACTIONS_ID_TOKEN_REQUEST_TOKEN']}")["value"]
        statement = {
            "subject": os.environ["SUBJECT"],
            "digest": digest,
            "predicate_type": BILL if bill else PROVENANCE,
            "token": token,
        }
        store = f"{os.environ['GITHUB_API_URL']}/repos/{os.environ['GITHUB_REPOSITORY']}/attestations"
        answer = _ask(store, "", json.dumps(statement).encode())
    except urllib.error.URLError as error:
        return _failed(str(error))
    with Path(os.environ["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as outputs:
        outputs.write(f"attestation-id={answer['id']}\n")
    print(f"attested {statement['predicate_type']} of {digest}")
    return 0


def _ask(url: str, authorization: str, data: bytes | None = None) -> dict[str, str]:
    request = urllib.request.Request(url, data=data, headers={"Authorization": authorization})  # noqa: S310 (loopback)
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
        content: dict[str, str] = json.load(answer)
    return content


def _failed(message: str) -> int:
    print(f"::error title=attest::{message}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
