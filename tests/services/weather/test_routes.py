"""The paths that the contract check reads from the code are those that Flask itself has."""

from __future__ import annotations

import json
import subprocess
import sys

from gitops.contract import routes
from tests.conftest import ROOT

ASK = """
import json, weather, weather.config
rules = weather.create_app(weather.config.Settings(key="0" * 32)).url_map.iter_rules()
print(json.dumps([rule.rule for rule in rules if "GET" in rule.methods and rule.endpoint != "static"]))
"""


def test_what_is_read_from_the_code_is_what_flask_itself_says() -> None:
    folder = ROOT / "services/weather"
    texts = [path.read_text(encoding="utf-8") for path in sorted(folder.rglob("*.py"))]
    # In a process of its own: the service configures the logging of the whole process.
    done = subprocess.run([sys.executable, "-c", ASK], cwd=folder, capture_output=True, text=True, check=True)
    assert routes.paths(texts) == set(json.loads(done.stdout.splitlines()[-1]))
