"""The history of a service: its service deployments and service revisions, from the emulator's own state.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-deployment.html
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-revision.html
"""

from __future__ import annotations

from rehearsal.emulator.service_deployments.calls import Calls
from rehearsal.emulator.service_deployments.history import History


def install() -> None:
    """Record every deployment from now on, and answer the four calls about them."""
    history = History()
    history.install()
    Calls(history).install()
