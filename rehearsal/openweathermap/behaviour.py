"""How the stand-in behaves: as it should, or with one of the failures a service must survive."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

MODES = {
    "normal": "answers as documented",
    "slow": "answers after some seconds",
    "silent": "accepts the connection and never answers",
    "refused": "resets every connection",
    "limited": "429, the account's calls are used up",
    "broken": "500",
    "garbled": "200 with something that is not JSON",
}
LONGEST_SECONDS = 60.0


@dataclass(frozen=True)
class Behaviour:
    """One of MODES; ``seconds`` is the delay of ``slow``."""

    mode: str = "normal"
    seconds: float = 3.0


def parse(text: str | bytes) -> Behaviour:
    """The behaviour in a JSON text; ValueError saying what is wrong with it."""
    try:
        body: Any = json.loads(text)
    except ValueError:
        raise ValueError("the body is not JSON") from None
    if not isinstance(body, dict) or body.get("mode") not in tuple(MODES):
        raise ValueError(f"mode must be one of {', '.join(MODES)}")
    seconds = body.get("seconds", Behaviour.seconds)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not math.isfinite(seconds):
        raise ValueError("seconds must be a number")
    if not 0 <= seconds <= LONGEST_SECONDS:
        raise ValueError(f"seconds must be from 0 to {LONGEST_SECONDS:.0f}")
    return Behaviour(body["mode"], float(seconds))
