"""What a scan of a service may find and still pass: a threshold, and waivers that end."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from pathlib import Path
from typing import Any, Literal

import msgspec
import yaml

from gitops.errors import GitopsError
from gitops.services import FOLDER

FILE = "vulnerabilities.yaml"


class Waiver(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One advisory in one package that does no harm here, why, and the last day on which that is taken for true."""

    advisory: str
    package: str
    reason: str
    expires: date


class Allowance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The threshold and the waivers of one service.

    ``image`` is the severity from which on a finding in the image fails. It
    says nothing of locked requirements: there, any known one does.
    """

    image: Literal["LOW", "MEDIUM", "HIGH", "CRITICAL"] = "HIGH"
    waivers: list[Waiver] = []

    def waiver(self, package: str, names: Collection[str]) -> Waiver | None:
        """The waiver for an advisory under any of its names in a package; the longest of several."""
        found = [one for one in self.waivers if one.package == package and one.advisory in names]
        return max(found, key=lambda one: one.expires, default=None)


def load(root: Path, service: str) -> Allowance:
    """A service's own file, or the defaults where it has none.

    Raises GitopsError when the file is not YAML, has a field that is unknown,
    missing or of the wrong type, or a waiver without a reason.
    """
    where = FOLDER / service / FILE
    try:
        content = (root / where).read_bytes()
    except FileNotFoundError:
        return Allowance()
    try:
        raw: Any = yaml.safe_load(content)
        allowance = msgspec.convert(raw, Allowance)
    except yaml.YAMLError as error:
        raise GitopsError(f"{where} is not YAML: {' '.join(str(error).split())}", fix="correct the file") from None
    except msgspec.ValidationError as error:
        raise GitopsError(f"{where}: {error}", fix="correct the file; docs/supply-chain.md shows one") from None
    for waiver in allowance.waivers:
        if not waiver.reason.strip():
            raise GitopsError(f"{where}: the waiver of {waiver.advisory} gives no reason", fix="say why it is harmless")
    return allowance
