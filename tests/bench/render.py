"""``gitops render --check`` beside the bare import of boto3, which it avoids."""

from __future__ import annotations

import sys

from tests.bench.timing import line, median
from tests.conftest import ROOT


def render() -> None:
    """Print both."""
    python = sys.executable
    baseline = median([python, "-c", "import boto3"], ROOT)
    line("python -c 'import boto3'", baseline, "-", "itself", 1)
    value = median([python, "-m", "gitops", "render", "--check"], ROOT)
    line("gitops render --check", value, "0.3 s", "import boto3", value / baseline)
