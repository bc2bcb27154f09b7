"""What a stack was made of, against the template in git: what CloudFormation would act on, and nothing else.

A change set for a comment, a description or a checkov skip is empty, so the deployed text keeps the old one.
Were the texts compared, that would be drift for ever.
"""

from __future__ import annotations

from typing import Any, Final

from gitops.drift.document import Difference, differences
from gitops.stacks import long_form

# Parameters are compared by their values. An update cannot be of Description or Metadata alone.
SECTIONS: Final = ("Conditions", "Mappings", "Resources", "Outputs", "Rules", "Transform")
# Of a resource: where it stands in the order, and notes of other tools.
_NO_EFFECT: Final = {"Resources": {"DependsOn", "Metadata"}, "Outputs": {"Description"}}


def effective(body: str) -> dict[str, Any]:
    """What a template's text (YAML or JSON) makes, without what makes nothing; yaml.YAMLError when it is neither."""
    document = long_form.load(body)
    found: dict[str, Any] = {}
    for section in SECTIONS:
        content = document.get(section)
        if isinstance(content, dict) and section in _NO_EFFECT:
            content = {
                name: {key: value for key, value in one.items() if key not in _NO_EFFECT[section]}
                for name, one in content.items()
            }
        if content:
            found[section] = content
    return found


def compare(in_git: str, deployed: str) -> list[Difference]:
    """Where what is deployed would act otherwise than what git says."""
    return list(differences(effective(in_git), effective(deployed)))
