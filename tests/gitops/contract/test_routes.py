"""The paths a Flask service answers, read from its code."""

from __future__ import annotations

import pytest

from gitops.contract import routes

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
        (PREFIXED + "app.register_blueprint(b, url_prefix='/v2')\n", {"/v2/h"}),
        # A dictionary's get and a client's are not routes, a computed path is not known.
        ("x = {}.get('health')\n@app.get(PATH)\ndef f(): ...\n", set()),
    ],
)
def test_paths(code: str, expected: set[str]) -> None:
    assert routes.paths([HEAD + code]) == expected


def test_a_blueprint_is_registered_from_another_module() -> None:
    views = "from flask import Blueprint\npages = Blueprint('p', __name__)\n@pages.get('/health')\ndef f(): ...\n"
    app = "from shop import views\napp.register_blueprint(views.pages, url_prefix='/x')\n"
    assert routes.paths([app, views]) == {"/x/health"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [("from flask import Flask", True), ("import flask", True), ("import flasks", False), ("print('flask')", False)],
)
def test_whether_it_is_flask(text: str, expected: bool) -> None:
    assert routes.uses_flask([text]) is expected
