"""Secret-looking values hidden before any text exists that could show them."""

from __future__ import annotations

import re

from gitops.taskdefs.documents import Document, Value

# Names after which a value is a secret, wherever somebody put it by mistake.
SECRET_NAME = re.compile(
    r"secret|token|passw(or)?d|passphrase|credential|(api|access|private|signing|encryption)[-_]?key|appid|_key$|^auth",
    re.IGNORECASE,
)
# Values that are secrets under any name: AWS and GitHub keys, PEM blocks, passwords and keys inside URLs.
SECRET_VALUE = re.compile(
    r"(AKIA|ASIA)[A-Z0-9]{16}|gh[pousr]_\w{20,}|github_pat_\w{20,}|xox[abprs]-|-----BEGIN|://[^/@\s]+:[^/@\s]+@"
    r"|[?&](appid|api_?key|token|password)=[^&\s]",
    re.IGNORECASE,
)
# Under these keys stands where a secret is, which a reviewer has to see.
REFERENCES = frozenset({"valueFrom", "credentialsParameter"})
# Keys that sound secret and hold places and names, whose own elements are judged one by one.
STRUCTURES = frozenset({"secrets", "secretOptions", "repositoryCredentials", "credentialSpecs", "authorizationConfig"})
MASK = "[masked]"
MASK_CHANGED = "[masked, another value]"


def masked(before: Document | None, after: Document | None) -> tuple[Document | None, Document | None]:
    """Both documents with every secret-looking string hidden; that a value differs can still be seen."""
    return _masked(before, None, False), _masked(after, before, False)


def _masked(value: Value, other: Value, secret: bool) -> Value:
    if isinstance(value, dict):
        # An element such as {"name": "API_KEY", "value": "…"} is named by its own content.
        named_secret = any(_is_secret_name(value.get(key)) for key in ("name", "key"))
        theirs = other if isinstance(other, dict) else {}
        return {
            key: _masked(item, theirs.get(key), secret or _is_secret_name(key) or (named_secret and key == "value"))
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_masked(item, _partner(item, position, other), secret) for position, item in enumerate(value)]
    if isinstance(value, str) and value and (secret or SECRET_VALUE.search(value)):
        return MASK_CHANGED if isinstance(other, str) and other != value else MASK
    return value


def _partner(item: Value, position: int, other: Value) -> Value:
    """The element of the other list to compare with: of the same name, else at the same position."""
    if not isinstance(other, list):
        return None
    for key in ("name", "key"):
        if isinstance(item, dict) and key in item:
            return next((one for one in other if isinstance(one, dict) and one.get(key) == item[key]), None)
    return other[position] if position < len(other) else None


def _is_secret_name(name: Value) -> bool:
    return isinstance(name, str) and name not in STRUCTURES | REFERENCES and bool(SECRET_NAME.search(name))
