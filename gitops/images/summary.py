"""An image's size and layers, as a log and a job's summary show them."""

from __future__ import annotations

import re

from gitops.images.content import Image
from gitops.images.reference import Reference

MEGABYTE = 1_000_000
_LONGEST_COMMAND = 80
# What BuildKit and the older builder put around an instruction.
_NOISE = re.compile(r"^/bin/sh -c (#\(nop\) )?|^\|\d+ |\s*# buildkit$")

# The older builder names what it copied by its sum.
_SUM = re.compile(r"\b(dir|file|multi):[0-9a-f]{64}\b")


def text(image: Image) -> str:
    """One line per layer and the total, for a log."""
    rows = [f"  {megabytes(layer.size):>8}  {command(layer.made_by)}" for layer in image.layers]
    return "\n".join([f"{megabytes(image.size)} compressed, {_count(image)}:", *rows])


def markdown(service: str, reference: Reference, image: Image) -> str:
    """The same as a table, for the job's summary."""
    rows = [f"| {megabytes(layer.size)} | `{_cell(command(layer.made_by))}` |" for layer in image.layers]
    return "\n".join(
        [
            f"### Image of {service} at {reference.tag[:12]}",
            "",
            f"{megabytes(image.size)} compressed, {_count(image)}. `{reference.digest}`",
            "",
            "| size | made by |",
            "|--:|---|",
            *rows,
        ]
    )


def megabytes(size: int) -> str:
    """Bytes in decimal megabytes, as registries count."""
    return f"{size / MEGABYTE:.1f} MB"


def command(made_by: str) -> str:
    """The instruction that made a layer, on one line and not too long."""
    plain = _SUM.sub(r"\1", " ".join(made_by.split()))
    for _ in range(2):
        plain = _NOISE.sub("", plain).strip()
    plain = plain or "not told"
    return plain if len(plain) <= _LONGEST_COMMAND else f"{plain[: _LONGEST_COMMAND - 1]}…"


def _count(image: Image) -> str:
    return "1 layer" if len(image.layers) == 1 else f"{len(image.layers)} layers"


def _cell(text: str) -> str:
    return text.replace("`", "'").replace("|", "\\|")
