"""What may be shown: secrets hidden, Markdown from which nothing breaks out, texts cut to a budget.

Everything that is printed, written into a summary or sent to GitHub passes through here. A length or
a budget is a number of characters, as GitHub counts a comment.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

# Anything that JSON may hold, and an object of it.
Value = Any
Document = dict[str, Any]

MASK = "•••"
_ANOTHER = " (another value)"

# What GitHub stores of a comment.
COMMENT_BUDGET = 65_536
# A step's summary holds 1 MiB, and a character is at most four bytes of it.
SUMMARY_BUDGET = 1_048_576 // 4

# Words in the name of a variable, parameter, option or header whose value is a secret.
_WORDS = (
    r"secret|token|passw|passphrase|[_-]pwd|credential|appid|signature|authorization"
    r"|(?:api|access|account|encryption|license|private|shared|signing|storage)[_-]?key"
)
# Names alone: in a structure every key counts, and none is the end of a sentence.
_NAME = re.compile(rf"{_WORDS}|[_-](?:key|pwd)$|^pwd$|^auth(?!or)", re.IGNORECASE)
# Under these keys stands where a secret is, which a reviewer has to see.
_REFERENCES = frozenset({"valuefrom", "credentialsparameter"})
# Keys that sound secret and hold places and names, whose own elements are judged one by one.
_STRUCTURES = frozenset({"secrets", "secretoptions", "repositorycredentials", "credentialspecs", "authorizationconfig"})
_STEP = re.compile(r"[/.\[\]]")

# A value after its name: in quotes of any kind (JSON inside of JSON has \"), or up to a space. What follows a
# name may also be the error about it, or where its list begins, which is no secret.
_VALUE = (
    r"(?:(?P<q>\\?[\"'])(?P<quoted>(?:(?!(?P=q))(?:\\.|[^\n\\]))+)"
    r"|(?!\w*(?:Error|Exception|NotFound|Denied|Failure)\b|[\[{]\s*(?:\n|$))(?P<bare>(?:[^\s\"'&,;)}\]]|[,;)}\]](?=[^\s\"'&,;)}\]]))+))"
)
# NAME: an error is called after what it is about, too: ExpiredToken: The security token …
# A repetition that something has to follow has a bound or gives nothing back: a log may hold a line of any length.
_NAMED = (
    # Within an ARN it is a service, and the kind of what is named.
    rf"(?!secretsmanager\b|(?<=\d:)secret:)(?<!Expired)(?<!Invalid)(?<!InvalidClient)(?<!Missing)(?:(?:{_WORDS})"
    r"(?![\w-]{0,60}(?:Error|Exception|NotFound|Failure|Required)\b)[\w-]{0,60}|[_-]key(?![\w-])"
    r"|(?<![\w-])auth(?=\\?[\"']?=|\\?[\"']:))"
)


class Shape(NamedTuple):
    """One kind of secret. ``kept`` and all that is no value stays; ``certain`` is one that no other text looks like."""

    what: str
    pattern: re.Pattern[str]
    certain: bool = False


def _shape(what: str, pattern: str, flags: int = 0, *, certain: bool = False) -> Shape:
    return Shape(what, re.compile(pattern, flags), certain)


# The shapes of keys as those who give them out describe them. Judged against detect-secrets 1.5, which knows fewer
# of GitHub's, takes a private key for its header alone and has no way to hide what it finds.
SHAPES = (
    _shape(
        "private key",
        # To its end, or where that is missing all that may still be of it. A log may begin in its middle.
        r"-----BEGIN [A-Z0-9 ]+-----"
        r"(?:[\s\S]{0,20000}?-----END [A-Z0-9 ]+-----|[^\n]*(?:\n[^\w\n]*+[\w+/=]{24,}+)*)"
        r"|^(?:[^\w\n]*+[\w+/=]{8,76}+[^\w\n]*+\n){1,100}[^\w\n]*?-----END [A-Z0-9 ]*PRIVATE KEY[A-Z ]*-----",
        re.MULTILINE,
        certain=True,
    ),
    # docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
    _shape("AWS access key id", r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\w*", certain=True),
    _shape("GitHub token", r"(?:gh[pousr]|github_pat)_\w{20,}", certain=True),
    _shape("GitLab token", r"\bgl[a-z]{2,5}-[\w-]{20,}", certain=True),
    _shape("Slack token", r"\bx(?:ox[a-z]|app)-[\w-]{8,}", re.IGNORECASE, certain=True),
    _shape(
        "webhook's address",
        r"(?P<kept>\b(?:hooks\.slack\.com/(?:services|workflows|triggers)|discord(?:app)?\.com/api/webhooks"
        r"|[\w.-]{0,100}webhook\.office\.com/webhookb2)/)[\w@/+-]{8,}",
        certain=True,
    ),
    _shape("JSON web token", r"\beyJ[\w-]{8,2000}\.[\w-]{4,}(?:\.[\w-]*)*", certain=True),
    _shape("Google key", r"\bAIza[\w-]{30,}|\bya29\.[\w-]{20,}|\bGOCSPX-[\w-]{20,}", certain=True),
    _shape("Stripe key", r"\b(?:[rs]k|pk)_(?:live|test)_\w{10,}|\bwhsec_[\w+/=]{20,}", certain=True),
    _shape(
        "key of a service",
        # OpenAI and Anthropic, npm, PyPI, Docker Hub, SendGrid, Hugging Face, Vault, DigitalOcean, Atlassian, age,
        # Telegram
        r"\bsk-[\w-]{20,}|\bnpm_\w{30,}|\bpypi-[\w-]{40,}|\bdckr_[a-z]+_[\w-]{20,}|\bSG\.[\w-]{16,}\.[\w-]{16,}"
        r"|\bhf_\w{30,}|\bhv[sbr]\.[\w-]{20,}|\bdo[opr]_v1_\w{40,}|\bATATT3[\w=-]{20,}|\bAGE-SECRET-KEY-1\w{50,}"
        r"|\b\d{8,10}:AA[\w-]{33}\b",
        certain=True,
    ),
    _shape("password in an address", r"(?P<kept>\b[a-z][a-z0-9+.-]{0,30}://[^\s/:@]*:)[^\s/@]+(?=@)", re.IGNORECASE),
    _shape("cookie", r"(?P<kept>\b(?:set-)?cookie\\?[\"']?:\s*[^\s=\"']+=)[^\n\"']+", re.IGNORECASE),
    _shape("signed request", r"(?P<kept>[?&](?:key|sig|signature|code|auth|x-amz-[\w-]+)=)[^&\s\"']+", re.IGNORECASE),
    _shape("credentials of a request", r"(?P<kept>\b(?:bearer|basic)\s+)[\w.~+/=-]{8,}", re.IGNORECASE),
    _shape(
        "value after a secret's name",
        rf"(?P<kept>{_NAMED}\\?[\"']?[^\S\n]*[=:]{{1,3}}>?[^\S\n]*(?:(?:bearer|basic|token|[\w-]+-sha256)\s+)?){_VALUE}",
        re.IGNORECASE,
    ),
    _shape(
        "value after a secret's option",
        rf"(?P<kept>(?<![\w-])--?[\w-]{{0,60}}(?:{_WORDS}|key)[\w-]{{0,60}}(?:[^\S\n]+|\\?[\"'],\s*)(?!-)){_VALUE}",
        re.IGNORECASE,
    ),
    _shape(
        "value beside a secret's name",
        rf"(?P<kept>(?:\b|parameter)(?:name|key)\\?[\"']?\s*[=:]\s*\\?[\"']?[\w.-]{{0,60}}(?:{_NAMED})\\?[\"']?,?[\s+-]*"
        rf"\\?[\"']?(?:parameter)?value\\?[\"']?\s*[=:]\s*){_VALUE}",
        re.IGNORECASE,
    ),
    # Such as OpenWeatherMap's. Digests and commits are longer; a task is named by as many after its word or a slash.
    _shape(
        "key of 32 hexadecimal digits", r"(?<![0-9A-Fa-f/])(?<!\btask )[0-9a-fA-F]{32}(?![0-9A-Fa-f])", re.IGNORECASE
    ),
)


def hide(text: str) -> str:
    """The text with every value that looks like a secret replaced; what is hidden already stays as it is."""
    for shape in SHAPES:
        text = shape.pattern.sub(_hidden, text)
    return text


def _hidden(match: re.Match[str]) -> str:
    parts = match.groupdict(default="")
    return f"{parts.get('kept', '')}{parts.get('q', '')}{MASK}"


def hide_value(path: str, value: str) -> str:
    """A value at a path of names (``a.b``, ``a/b``), hidden whole when one of them is a secret's."""
    steps = {step.lower() for step in _STEP.split(path)}
    named = not steps & _REFERENCES and any(_NAME.search(step) for step in steps - _STRUCTURES)
    return MASK if value and named else hide(value)


def is_hidden(value: str) -> bool:
    """Whether a part of it was hidden."""
    return MASK in value


def hide_documents(before: Document | None, after: Document | None) -> tuple[Document | None, Document | None]:
    """Two states of a document with every secret hidden; that a value is another one can still be seen."""
    return _without(before, None, False), _without(after, before, False)


def _without(value: Value, other: Value, secret: bool) -> Value:
    if isinstance(value, dict):
        # An element such as {"name": "API_KEY", "value": "…"} is named by its own content.
        named = any(_is_name(value.get(key)) for key in ("name", "key"))
        theirs = other if isinstance(other, dict) else {}
        return {
            key: _without(item, theirs.get(key), secret or _is_name(key) or (named and key == "value"))
            for key, item in value.items()
        }
    if isinstance(value, list):
        # A command's option is followed by its value: ["--token", "…"].
        options = [False, *(isinstance(one, str) and one.startswith("-") and _is_name(one) for one in value)]
        return [
            _without(item, _partner(item, position, other), secret or options[position])
            for position, item in enumerate(value)
        ]
    if not isinstance(value, str) or not value:
        return value
    shown = MASK if secret else hide(value)
    was = (MASK if secret else hide(other)) if isinstance(other, str) else None
    return shown + _ANOTHER if is_hidden(shown) and was == shown and other != value else shown


def _partner(item: Value, position: int, other: Value) -> Value:
    """The element of the other list to compare with: of the same name, else at the same position."""
    if not isinstance(other, list):
        return None
    for key in ("name", "key"):
        if isinstance(item, dict) and key in item:
            return next((one for one in other if isinstance(one, dict) and one.get(key) == item[key]), None)
    return other[position] if position < len(other) else None


def _is_name(name: Value) -> bool:
    return isinstance(name, str) and name.lower() not in _STRUCTURES | _REFERENCES and bool(_NAME.search(name))


class Found(NamedTuple):
    """A secret in a committed text: the number of its line, and what it is."""

    line: int
    what: str


def secrets_in(text: str) -> list[Found]:
    """The secrets that a file holds as they are, one for each line, in their order; never the value itself.

    What ``hide`` takes for a secret is one here too, apart from what only stands in its place in code and in
    documents: a variable, a placeholder, an example, a word.
    """
    found: dict[int, str] = {}
    for shape in SHAPES:
        for match in shape.pattern.finditer(text):
            if _is_literal(shape, match):
                # A value of several lines is told where it begins.
                found.setdefault(text.count("\n", 0, match.start()) + 1, shape.what)
    return [Found(line, what) for line, what in sorted(found.items())]


def _is_literal(shape: Shape, match: re.Match[str]) -> bool:
    parts = match.groupdict(default="")
    value = parts.get("quoted") or parts.get("bare") or match[0][len(parts.get("kept", "")) :]
    if any(example in value for example in _EXAMPLES):
        return False
    if shape.certain:
        # A header alone is no key: its body follows, on the next line or in the same one.
        return "-----" not in value or bool(re.search(r"PRIVATE KEY.*-----(?:\\n|\s)*[A-Za-z0-9+/]{16}", value))
    plain = re.fullmatch(r"[\w.~+/=!@#%^*:; -]{8,}", value)
    return bool(plain and re.search(r"\d", value) and re.search(r"[A-Za-z]", value)) and not _PLACE.match(value)


# AWS's documents write the one; nobody is given the other as a key.
_EXAMPLES = ("EXAMPLE", "0123456789abcdef")
# Where something is, rather than what: a path, an ARN, an address.
_PLACE = re.compile(r"[./~]|arn:|https?:|[\w-]+\.[a-z_]+(?:\.|$)")


def code(value: object) -> str:
    """A value as inline code, in more backticks than it holds; ``nothing`` where there is none."""
    if value is None or value == "":
        return "nothing"
    text = hide(_line(str(value)))
    ticks = "`" * (_longest_run(text) + 1)
    # CommonMark strips one space on each side, so a value may begin or end with a backtick.
    return f"{ticks} {text} {ticks}" if "`" in text else f"`{text}`"


def plain(text: str) -> str:
    """Text outside of code: no tag, no mention (@name), no link to an issue (#1), no other markup."""
    return re.sub(r"[\\`*_<>\[\]#@|~&$!{}^]", lambda match: f"&#{ord(match[0])};", hide(_line(text)))


def fence(lines: Iterable[str], language: str = "text") -> str:
    """Lines in a fence longer than any run of backticks inside."""
    text = hide("\n".join(lines))
    ticks = "`" * max(3, _longest_run(text) + 1)
    return f"{ticks}{language}\n{text}\n{ticks}"


def fold(title: str, body: str) -> str:
    """A body that opens on a click; ``title`` is text."""
    return f"<details><summary>{plain(title)}</summary>\n\n{body}\n\n</details>"


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """The lines of a table of Markdown cells; a column whose name ends in a colon has its values to the right."""
    names = [name.rstrip(":") for name in columns]
    rules = ["---:" if name.endswith(":") else "---" for name in columns]
    # Not even code keeps a bar from ending its cell.
    cells = [[re.sub(r"(?<!\\)\|", r"\\|", cell) for cell in row] for row in rows]
    head, *body = ["|" + "".join(f" {cell} |" if cell else " |" for cell in row) for row in [names, *cells]]
    return [head, f"|{'|'.join(rules)}|", *body]


def cut(text: str, most: int) -> str:
    """One line of at most ``most`` characters, the last of them an ellipsis where it says less.

    Secrets are hidden first: a half of one would look like none.
    """
    text = hide(_line(text))
    return text if len(text) <= most else f"{text[: most - 1]}…"


def fit(blocks: Iterable[str], budget: int, joint: str = "\n") -> list[str]:
    """The first of the blocks that stay within a budget of characters when each has the joint after it; whole."""
    shown: list[str] = []
    for block in blocks:
        budget -= len(block) + len(joint)
        if budget < 0:
            break
        shown.append(block)
    return shown


def _line(text: str) -> str:
    return " ".join(text.split())


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall(r"`+", text)), default=0)
