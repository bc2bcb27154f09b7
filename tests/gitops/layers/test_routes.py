"""The paths a Flask service answers, read from its code."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from gitops.layers import routes
from tests.conftest import ROOT

HEAD = "from flask import Blueprint, Flask\napp = Flask(__name__)\n"
PREFIXED = "b = Blueprint('b', __name__, url_prefix='/v1')\n@b.get('/h')\ndef f(): ...\n"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("@app.get('/health')\ndef f(): ...\n", {"/health"}),
        ("@app.route('/health')\ndef f(): ...\n", {"/health"}),
        ("@app.route('/health', methods=['GET', 'HEAD'])\ndef f(): ...\n", {"/health"}),
        ("@app.route('/health', methods=('post',))\ndef f(): ...\n", set()),
        ("@app.post('/health')\ndef f(): ...\n", set()),
        ("@app.route(rule='/health')\ndef f(): ...\n", {"/health"}),
        ("app.add_url_rule('/health', view_func=f)\n", {"/health"}),
        ("b = Blueprint('b', __name__)\n@b.get('/health')\ndef f(): ...\n", {"/health"}),
        ("b = Blueprint('b', __name__, url_prefix='/v1')\n@b.get('/health')\ndef f(): ...\n", {"/v1/health"}),
        ("b: Blueprint = Blueprint('b', __name__, url_prefix='/v1/')\n@b.get('/h')\ndef f(): ...\n", {"/v1/h"}),
        # The prefix that a blueprint is registered with stands in for its own.
        (
            PREFIXED + "app.register_blueprint(b, url_prefix='/v2')\n",
            {"/v2/h"},
        ),
        # A dictionary's get and a client's are not routes, a computed path is not known.
        ("x = {}.get('health')\n@app.get(PATH)\ndef f(): ...\n", set()),
    ],
)
def test_paths(code: str, expected: set[str]) -> None:
    assert routes.paths([HEAD + code]) == expected


def test_a_blueprint_is_registered_from_another_module() -> None:
    views = "from flask import Blueprint\npages = Blueprint('p', __name__)\n@pages.get('/health')\ndef f(): ...\n"
    app = "from weather import views\napp.register_blueprint(views.pages, url_prefix='/x')\n"
    assert routes.paths([app, views]) == {"/x/health"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [("from flask import Flask", True), ("import flask", True), ("import flasks", False), ("print('flask')", False)],
)
def test_whether_it_is_flask(text: str, expected: bool) -> None:
    assert routes.uses_flask([text]) is expected


ASK = """
import json, weather, weather.config
rules = weather.create_app(weather.config.Settings(key="0" * 32)).url_map.iter_rules()
print(json.dumps([rule.rule for rule in rules if "GET" in rule.methods and rule.endpoint != "static"]))
"""


def test_for_the_weather_service_it_is_what_flask_itself_says() -> None:
    folder = ROOT / "services/weather"
    texts = [path.read_text(encoding="utf-8") for path in sorted(folder.rglob("*.py"))]
    # In a process of its own: the service configures the logging of the whole process.
    done = subprocess.run([sys.executable, "-c", ASK], cwd=folder, capture_output=True, text=True, check=True)
    assert routes.paths(texts) == set(json.loads(done.stdout.splitlines()[-1]))
