"""One corpus of secrets, sent through every way out and past the check of what is committed."""

from __future__ import annotations

import html
import io
import json
import re
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import responses
from rich.console import Console

from gitops import cli, display, github
from gitops.checks.running import Result as Checked
from gitops.clock import Clock
from gitops.deploy import report as deploy
from gitops.deploy import status
from gitops.deploy.decision import Verdict
from gitops.deploy.diagnostics import Evidence
from gitops.deploy.report import Outcome, Side
from gitops.deploy.status import ServiceStatus, Status
from gitops.display import Branches, Event, Lines
from gitops.drift import report as drift
from gitops.drift.report import Compared, Drift, Finding, shown
from gitops.drills import results as drills
from gitops.drills.load import tally
from gitops.drills.results import Result
from gitops.ecs_answers import Event as ServiceEvent
from gitops.errors import GitopsError
from gitops.images import content as images
from gitops.oci import Image, ImageLayer, Reference
from gitops.registry import Finding as Vulnerability
from gitops.review import pull_request
from gitops.review.changes import changes as reviewed
from gitops.review.report import report as diff
from gitops.stacks import changes
from gitops.stacks import plan as planned
from gitops.stacks import report as plan
from gitops.stacks.plan import Plan, StackPlan
from gitops.supply import findings as scan
from gitops.supply.findings import Allowance, Waiver
from gitops.text import (
    COMMENT_BUDGET,
    MASK,
    code,
    cut,
    fence,
    hide,
    hide_documents,
    hide_value,
    plain,
    secrets_in,
    table,
)
from gitops.verbs import check, gate, render
from tests.gitops.deploy.described import NOON, stopped

# In parts, so that this file does not hold what is looked for: a text with a secret in it, and the secret.
HEX = "9f86d081884c7d65" + "9a2feaa0c55ad015"
BASE64 = "MIIEvQIBADANBgkqhkiG9w0B" + "AQEFAASCBKcwggSjAgEAAoIB" + "AQC7VJTUt9Us8cKj"
WORD = "correct-horse-" + "battery-5taple"
HEADER, FOOTER = "-----BEGIN PRIV" + "ATE KEY-----", "-----END PRIV" + "ATE KEY-----"
JWT = "ey" + "J0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9." + "ey" + "JzdWIiOiJyZXBvIn0." + "c2lnbmF0dXJlLW9mLWl0"
CORPUS: dict[str, tuple[str, str]] = {
    "AWS access key id": ("denied for %s here", "AKIA" + "Q7JD5ZTRW2XKNM4B"),
    "AWS temporary key id": ("%s", "ASIA" + "Q7JD5ZTRW2XKNM4B"),
    "AWS secret access key": ("aws_secret_access_key = %s", "aB3/" * 10),
    "GitHub token": ("pushed as %s to origin", "ghp_" + "a1B2" * 9),
    "GitHub token of a job": ("%s", "ghs_" + "a1B2" * 9),
    "GitHub fine-grained token": ("%s", "github_pat_" + "11ABCDEFG0" * 6),
    "GitLab token": ("%s", "glpat-" + "x9Yz8Wv7Ut6Sr5Qp4On3"),
    "Slack token": ("%s", "xoxb-" + "1234567890-abcdefGHIJKL"),
    "Slack webhook": ("https://hooks.slack.com/services/%s", "T00000000/" + "B00000000/a1b2c3d4e5f6"),
    "JSON web token": ("id token %s", JWT),
    "Google key": ("%s", "AIza" + "SyA1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q"),
    "Stripe key": ("%s", "sk_live_" + "51H8aBcDeFgHiJkLmNoP"),
    "npm token": ("%s", "npm_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"),
    "PyPI token": ("%s", "pypi-" + "AgEIcHlwaS5vcmcCJDEyMzQ1Njc4LTkwYWItY2RlZi0xMjM0"),
    "key of a model": ("%s", "sk-" + "proj-a1B2c3D4e5F6g7H8i9J0"),
    "private key": (f"{HEADER}\n%s\n{FOOTER}", BASE64),
    "private key without its end": (f"{HEADER}\n%s", BASE64),
    "private key in JSON": (f'{{"key": "{HEADER}\\n%s\\n{FOOTER}\\n"}}', BASE64),
    "OpenWeatherMap key": ("no table for %s today", HEX),
    "OpenWeatherMap key in an address": ("GET /data/2.5/weather?lat=1&appid=%s&units=metric", HEX),
    "bearer": ("Authorization: Bearer %s", "a1B2c3D4.e5F6g7H8-i9"),
    "basic": ("authorization: Basic %s", "dXNlcjpodW50ZXIyMg=="),
    "password in a URL": ("postgres://user:%s@db.internal/app", WORD),
    "signed request": ("https://b.s3.amazonaws.com/k?X-Amz-Signature=%s", "9f86d081" * 8),
    "variable": ("SIGNING_KEY=%s", WORD),
    "variable of a shell": ("export DB_PASSWORD=%s", WORD),
    "variable in quotes": ('client_secret = "%s"', WORD),
    "JSON": ('{"apiKey": "%s"}', WORD),
    "JSON in JSON": ('{\\"access_token\\": \\"%s\\"}', WORD),
    "YAML": ("api-key: %s", WORD),
    "option": ("mysql --password %s -h db", WORD),
    "option of a command": ('["--auth-token", "%s"]', WORD),
    "variable of a container": ('{"name": "DB_PASSWORD", "value": "%s"}', WORD),
    "variable of a container over two lines": ('"name": "DB_PASSWORD",\n  "value": "%s"', WORD),
    "parameter": ("ParameterKey: DbPassword, ParameterValue: %s", WORD),
    "cookie": ("Set-Cookie: session=%s; Path=/", WORD),
}

# What a person has to be able to read stays as it is.
READABLE = (
    "sha256:" + "a" * 64,
    "commit " + "b" * 40,
    f"111111111111.dkr.ecr.eu-west-2.amazonaws.com/app:{'b' * 40}@sha256:{'c' * 64}",
    "ecs/app/" + HEX,
    f"has started 1 tasks: (task {HEX})",
    "http://127.0.0.1:8080/health?city=London",
    "Traceback (most recent call last):",
    "app exited with code 1",
    "parameter/app/staging/API_KEY: AccessDeniedException: User is not authorized",
    "KeyError: 'API_URL'",
    "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed",
    "ExpiredToken: The security token included in the request is expired",
    "InvalidClientTokenId: The security token included in the request is invalid",
    "arn:aws:secretsmanager:eu-west-2:111111111111:secret:app/db-AbCdEf",
    "not authorized to perform: secretsmanager:GetSecretValue",
    "gitops/checks/secrets.py:12: what is wrong there",
    "the secret API_KEY is removed",
)


def rendered(value: str) -> dict[str, str]:
    container = {"name": "app", "environment": [{"name": "URL", "value": value}]}
    return {"taskdefs/app/rendered/staging.json": json.dumps({"containerDefinitions": [container]})}


def environment(value: str) -> dict[str, str]:
    return {"infra/environments/staging.yaml": json.dumps({"stacks": {"network": {"Cidr": value}}})}


def outcome(text: str) -> Outcome:
    container = {"name": "app", "exitCode": 3, "reason": text}
    gone = stopped(stoppedReason=f"because {text}", containers=[container])
    return Outcome(
        verdict=Verdict.FAILED,
        cause=text,
        service="app",
        environment="staging",
        before=Side("app:1", "r/app:1", "a" * 40),
        after=Side("app:2", "r/app:2", "b" * 40),
        subject=text,
        seconds=1.0,
        commits=(f"bbbbbbb {text}",),
        breaker=text,
        notes=(text,),
        evidence=Evidence(
            stopped={"t1": gone},
            logs={("t1", "app"): [*text.splitlines(), f"RuntimeError: {text}"]},
            unhealthy={"10.0.0.1": text},
            events={"1": ServiceEvent("1", NOON, text)},
            gaps=[text],
        ),
    )


def planned_with(text: str) -> Plan:
    target = {"Attribute": "Properties", "Name": "Name", "BeforeValue": text, "AfterValue": f"{text} too"}
    raw = {
        "Action": "Modify",
        "LogicalResourceId": "A",
        "ResourceType": "AWS::SNS::Topic",
        "Replacement": "False",
        "Details": [{"Target": target}],
    }
    return Plan("staging", (StackPlan("network", "demo", "update", "d", {}, changes.read([{"ResourceChange": raw}])),))


def drifted(text: str) -> Drift:
    finding = Finding("drift", f"A was changed: {shown('', text)}", shown("Name", text), shown("Name", text), "next")
    return Drift("staging", "a" * 40, (Compared("stack", "demo", (finding,)),))


def judged(text: str) -> list[scan.Judged]:
    found = Vulnerability("alpha", "1.0", "CVE-1")
    waived = Waiver("CVE-1", "alpha", text, date(2026, 6, 15))
    return scan.judge([found], Allowance(waivers=[waived]), date(2026, 6, 1))


def image(text: str) -> Image:
    return Image("sha256:" + "a" * 64, {}, (ImageLayer("sha256:1", 1, f"/bin/sh -c {text}"),))


def tree(text: str) -> str:
    branches = Branches(Clock())
    branches.show(Event("app", text, "new", mood="going"))
    out = io.StringIO()
    Console(file=out, width=400).print(branches.tree())
    return out.getvalue()


def line(text: str) -> str:
    out = io.StringIO()
    Lines(out, Clock()).show(Event("app", text, mood="going"))
    return out.getvalue()


def stale(text: str) -> str:
    (was,), (now,) = rendered(text).values(), rendered("http://other").values()
    return "\n".join(render._difference(Path("staging.json"), was, now))


def differing(text: str) -> str:
    nothing = Plan("staging", (StackPlan("network", "demo", "update", "d", {}),))
    return "\n".join(planned.differences(nothing, planned_with(text)))


DRILL = Result("roll", "", tally([]), None, 1)
WAYS: dict[str, Callable[[str], str]] = {
    "line of a log": line,
    "tree on a terminal": tree,
    "diff of a task definition": lambda text: diff(reviewed(rendered("http://a"), rendered(text)), "a", "b"),
    "diff of an environment": lambda text: diff(reviewed(environment(text), environment("b")), "a", "b"),
    "rendering that is stale": stale,
    "plan in a log": lambda text: "\n".join(plan.lines(planned_with(text))),
    "plan in Markdown": lambda text: plan.markdown(planned_with(text), COMMENT_BUDGET),
    "plan as JSON": lambda text: planned.as_json(planned_with(text)).decode(),
    "plans that differ": differing,
    "first line of a deploy": lambda text: deploy.headline(outcome(text)),
    "deploy in a log": lambda text: deploy.text(outcome(text)),
    "deploy in Markdown": lambda text: deploy.markdown(outcome(text)),
    "drift in a log": lambda text: "\n".join(drift.lines(drifted(text))),
    "drift in Markdown": lambda text: drift.markdown(drifted(text)),
    "drift's alarms": lambda text: str(drift.alarms(drifted(text))),
    "scan in a log": lambda text: scan.text(judged(text)),
    "scan in Markdown": lambda text: scan.markdown(f"app: {text}", judged(text)),
    "drills in a log": lambda text: drills.text([replace(DRILL, said=text)]),
    "drills in Markdown": lambda text: drills.markdown("drills", text, [replace(DRILL, said=text, problems=(text,))]),
    "image in a log": lambda text: images.text(image(text)),
    "image in Markdown": lambda text: images.markdown("app", Reference("r/app", "1", "sha256:1"), image(text)),
    "status": lambda text: status.text(
        Status("staging", "", {"app": ServiceStatus("active", "a" * 40, text)}),
    ),
    "checks in Markdown": lambda text: check.summary([Checked("lint", "failed", 1.0, text)]),
    "part of a comment": lambda text: pull_request.text(
        "app", ["staging"], {"staging": pull_request.Row(text, "a" * 40, "")}
    ),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", CORPUS)
def test_no_secret_gets_out(kind: str, way: str) -> None:
    told = WAYS[way](CORPUS[kind][0] % CORPUS[kind][1])
    assert_hidden(kind, told)


def assert_hidden(kind: str, told: str) -> None:
    # As a reader sees it: out of Markdown's and JSON's escapes, and out of a table's or a tree's lines.
    told = html.unescape(told).replace("\\", "")
    for piece in (CORPUS[kind][1], CORPUS[kind][1][:12], CORPUS[kind][1][-12:]):
        assert piece not in told
    assert MASK in told or "\\u2022" in told


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
    return tmp_path / "summary"


@pytest.mark.parametrize("kind", CORPUS)
def test_no_secret_gets_to_github(kind: str, job: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The last gate: whatever wrote the text, and however little it thought of secrets."""
    words = CORPUS[kind][0] % CORPUS[kind][1]
    github.summary(f"### deploy\n\n{words}")
    assert_hidden(kind, job.read_text())
    github.annotation("error", words, "title")
    assert_hidden(kind, capsys.readouterr().out)
    github.annotation("error", "title", words)
    assert_hidden(kind, capsys.readouterr().out)
    wanted = pull_request.write([], pull_request.SUBJECT, pull_request.compose(["diff"], {"diff": words}))
    assert wanted is not None
    with responses.RequestsMock() as api:
        api.post("https://api.example/repos/o/r/issues/7/comments", json={"id": 1}, status=201)
        github.GitHub("https://api.example", "o/r", "t").comment(7, wanted.body)
        assert_hidden(kind, json.loads(api.calls[0].request.body or "")["body"])


@pytest.mark.parametrize("kind", CORPUS)
def test_no_secret_gets_to_a_terminal(
    kind: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = CORPUS[kind][0] % CORPUS[kind][1]
    display.say(words)
    assert_hidden(kind, capsys.readouterr().out)
    for error in (GitopsError("stopped", others=(words,), fix=words), OSError(1, words)):

        def fails(*_: object, error: Exception = error) -> int:
            raise error

        monkeypatch.setattr(gate, "run", fails)
        assert cli.main(["gate"]) == 1
        assert_hidden(kind, capsys.readouterr().err)


@pytest.mark.parametrize("kind", CORPUS)
def test_every_secret_is_found_before_it_is_committed(kind: str) -> None:
    words = CORPUS[kind][0] % CORPUS[kind][1]
    (found,) = secrets_in(f"# a file\n\n{words}\n")
    assert found.line == 3
    assert CORPUS[kind][1] not in found.what


@pytest.mark.parametrize("kind", CORPUS)
def test_what_is_hidden_stays_hidden(kind: str) -> None:
    once = hide(CORPUS[kind][0] % CORPUS[kind][1])
    assert hide(once) == once


@pytest.mark.parametrize("words", READABLE)
def test_what_helps_to_understand_stays(words: str) -> None:
    assert hide(words) == words
    assert html.unescape(plain(words)) == words


def test_only_the_value_is_hidden() -> None:
    assert hide(f"?q=London&appid={HEX}&units=metric") == f"?q=London&appid={MASK}&units=metric"
    assert hide(f"log\n{HEADER}\n{BASE64}\n{FOOTER}\nnext") == f"log\n{MASK}\nnext"
    assert hide(f"{BASE64}\n{BASE64[:20]}\n{FOOTER}\nnext") == f"{MASK}\nnext"


@pytest.mark.parametrize(
    "line",
    [
        "AKIA" + "IOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY=test",
        "OPENWEATHER_API_KEY: /app/staging/OPENWEATHER_API_KEY",
        "token = secrets.token_hex(16)",
        "password: str = settings.password1",
        "SIGNING_KEY=${SIGNING_KEY_2026}",
        'url = f"postgres://user:{password}@db/app"',
        "a private key stays private",
        f"'{HEADER}' is how it starts",
        "sha256:" + "0123456789abcdef" * 4,
        "id-token: write",
    ],
)
def test_what_only_looks_alike_may_be_committed(line: str) -> None:
    assert secrets_in(line) == []


@pytest.mark.parametrize(
    "document",
    [
        {"environment": [{"name": "DB_PASSWORD", "value": WORD}]},
        {"environment": [{"name": "DSN", "value": f"postgres://u:{WORD}@db/x"}]},
        {"options": {"splunk-token": WORD}},
        {"tags": [{"key": "Token", "value": WORD}]},
        {"stacks": {"platform": {"WebhookSecret": WORD}}},
        {"credentials": {"user": "u", "word": WORD}},
        {"tokens": [WORD]},
        {"command": ["serve", "--api-key", WORD]},
    ],
)
def test_a_document_hides_by_name_and_by_shape(document: dict[str, Any]) -> None:
    after, before = hide_documents(document, document)
    assert WORD not in repr(after) + repr(before)
    assert MASK in repr(after)


@pytest.mark.parametrize(
    "document",
    [
        {"secrets": [{"name": "API_KEY", "valueFrom": "arn:aws:ssm:eu-west-2:1:parameter/API_KEY"}]},
        {"environment": [{"name": "CITY", "value": "London"}, {"name": "TOKEN", "value": ""}]},
        {"logConfiguration": {"secretOptions": [{"name": "splunk-token", "valueFrom": "arn"}]}},
        {"repositoryCredentials": {"credentialsParameter": "arn:aws:secretsmanager:x"}},
        {"tags": [{"key": "Project", "value": "demo"}]},
        {"github": {"branch": "main"}, "cpu": "256", "size": 1, "on": True, "author": "a"},
    ],
)
def test_a_document_shows_the_rest(document: dict[str, Any]) -> None:
    assert hide_documents(document, None) == (document, None)


def test_another_value_can_be_seen_to_be_another() -> None:
    before = {"environment": [{"name": "TOKEN", "value": "a"}, {"name": "KEEP_TOKEN", "value": "c"}]}
    after = {"environment": [{"name": "KEEP_TOKEN", "value": "c"}, {"name": "TOKEN", "value": "b"}]}
    assert hide_documents(before, after) == (
        {"environment": [{"name": "TOKEN", "value": MASK}, {"name": "KEEP_TOKEN", "value": MASK}]},
        {"environment": [{"name": "KEEP_TOKEN", "value": MASK}, {"name": "TOKEN", "value": f"{MASK} (another value)"}]},
    )


def test_a_value_is_hidden_whole_under_a_secrets_name() -> None:
    assert hide_value("Properties/MasterUserPassword", "x") == MASK
    assert hide_value("ContainerDefinitions.0.Secrets.0.ValueFrom", "arn:aws:ssm:x") == "arn:aws:ssm:x"
    assert hide_value("Environment/0/Value", "London") == "London"


def test_a_text_is_cut_to_characters_and_never_through_a_secret() -> None:
    assert cut("é" * 10, 10) == "é" * 10
    assert cut("é" * 11, 10) == "é" * 9 + "…"
    assert HEX[:4] not in cut(f"the key {HEX}", 20)


def test_no_cell_ends_a_row() -> None:
    rows = table(("a", "b:"), [("`x|y`", plain("p|q"))])
    assert rows == ["| a | b |", "|---|---:|", "| `x\\|y` | p&#124;q |"]


@pytest.mark.parametrize(
    ("value", "markdown"),
    [
        ("a", "`a`"),
        (None, "nothing"),
        ("", "nothing"),
        ("a`b", "`` a`b ``"),
        ("```", "```` ``` ````"),
        ("a\nb", "`a b`"),
        (8080, "`8080`"),
    ],
)
def test_inline_code(value: object, markdown: str) -> None:
    assert code(value) == markdown


@pytest.mark.parametrize(
    "words", ["@octocat", "#1", "o/r#1", "<img src=x>", "[a](b)", "**b**", "`c`", "a_b_c", "&amp;", "~~s~~", "|", "$x$"]
)
def test_text_of_others_is_neutral(words: str) -> None:
    assert not re.search(r"(?<!&)#|[@<>\[\]*`_~|$]", plain(words))


def test_a_fence_is_longer_than_what_is_inside() -> None:
    assert fence(("+````", "+`"), "diff") == "`````diff\n+````\n+`\n`````"


@pytest.mark.parametrize(
    "words", ["secret", "eyJ-", "+xxxxxxxx\n", "a.b.", "--key", '"\\', "name: token ", HEADER, "token" + " " * 99]
)
def test_a_log_of_any_length_is_hidden_in_a_moment(words: str) -> None:
    # This process's own seconds: another's load is none of them.
    begun = time.process_time()
    hide(words * (100_000 // len(words)))
    assert time.process_time() - begun < 10
