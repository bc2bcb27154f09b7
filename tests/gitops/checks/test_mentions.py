from __future__ import annotations

from pathlib import Path

import pytest

from gitops.checks.mentions import mentions, patterns

SOUGHT = patterns(Path("/srv/somebody/clone"), Path("/srv/somebody"))


# In two parts, so that this file does not hold what is looked for.
@pytest.mark.parametrize(
    "line",
    [
        "https://py" + "pi.org/simple",
        "https://files.python" + "hosted.org/x.whl",
        "registry.npm" + "js.org",
        "http://deb.debian" + ".org/debian",
        "cd /ho" + "me/someone/project",
        "cd '/Us" + "ers/Someone/project'",
        "/ro" + "ot/.cache",
        "PATH=/wo" + "rk/main",
        "in /srv/somebody/clone/x",
        '"/srv/somebody"',
    ],
)
def test_what_belongs_to_one_machine_or_network_is_found(line: str) -> None:
    assert len(mentions({"a/b.md": f"fine\n{line}\n"}, SOUGHT)) == 1
    assert mentions({"a/b.md": f"fine\n{line}\n"}, SOUGHT)[0].startswith("a/b.md:2: ")


@pytest.mark.parametrize(
    "line",
    [
        "The package index is a setting of the installer.",
        "https://example.com/wo" + "rk/x",
        "/homepage/x and /home",
        "/weather/staging/OPENWEATHER_API_KEY",
        "src/ro" + "ot/x",
        "/srv/somebodyelse/x",
    ],
)
def test_what_only_looks_alike_is_left_alone(line: str) -> None:
    assert mentions({"a.md": line}, SOUGHT) == []


def test_a_clone_near_the_root_is_too_common_a_name_to_look_for() -> None:
    assert mentions({"Dockerfile": "WORKDIR /app"}, patterns(Path("/app"), Path("/"))) == []
