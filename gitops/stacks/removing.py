"""Deleting stacks so that a second run finishes what an interrupted one began."""

from __future__ import annotations

from gitops.errors import GitopsError
from gitops.progress import Display, Event
from gitops.stacks import emptying, following, live, states
from gitops.stacks.access import Access
from gitops.stacks.applying import failure
from gitops.stacks.live import LiveStack
from gitops.stacks.order import Unit
from gitops.stacks.states import StackEvent
from gitops.stacks.waiting import Clock

# A load balancer delivers its last logs after its bucket was emptied, so the bucket is emptied again.
_ATTEMPTS = 3


def remove(access: Access, unit: Unit, display: Display, clock: Clock) -> list[str]:
    """Delete one stack and wait until it is gone; what its template told CloudFormation to retain.

    Raises GitopsError with the first failed event when it cannot be deleted.
    """
    client = access.cloudformation
    stack = live.find(client, unit.stack_name)
    if stack.status in states.GONE:
        return []
    if not states.settled(stack.status):
        display.show(Event(unit.label, f"waiting: {stack.status}", mood="going"))
        following.follow(client, stack.id, unit.label, display, clock)
        stack = live.find(client, unit.stack_name)
    events: list[StackEvent] = []
    for _ in range(_ATTEMPTS):
        if stack.status in states.GONE:
            display.show(Event(unit.label, "gone", mood="done"))
            return [f"{one.logical_id} ({one.physical_id})" for one in events if one.status == "DELETE_SKIPPED"]
        stack, latest = _delete(access, unit, stack, display, clock)
        events += latest
        if not _bucket_filled_again(latest):
            break
    if stack.status not in states.GONE:
        raise failure(stack, states.first_failure(events), fix="correct that and run the same command again")
    display.show(Event(unit.label, "gone", mood="done"))
    return [f"{one.logical_id} ({one.physical_id})" for one in events if one.status == "DELETE_SKIPPED"]


def _delete(
    access: Access, unit: Unit, stack: LiveStack, display: Display, clock: Clock
) -> tuple[LiveStack, list[StackEvent]]:
    client = access.cloudformation
    if stack.protected:
        client.update_termination_protection(StackName=stack.name, EnableTerminationProtection=False)
        display.show(Event(unit.label, "termination protection turned off", mood="going"))
    for line in emptying.clear_the_way(access.session, emptying.resources(client, stack.id)):
        display.show(Event(unit.label, line, mood="going"))
    before = following.newest(client, stack.id)
    role = access.service_role(unit)
    if role is None:
        client.delete_stack(StackName=stack.id)
    else:
        client.delete_stack(StackName=stack.id, RoleARN=role)
    return following.follow(client, stack.id, unit.label, display, clock, before)


def _bucket_filled_again(events: list[StackEvent]) -> bool:
    return any(one.type == emptying.BUCKET and one.status == "DELETE_FAILED" for one in events)


def require_service_role(access: Access, stacks: list[LiveStack], bootstrap_stands: bool) -> None:
    """Raise GitopsError when stacks stand whose service role went with the bootstrap stack."""
    left = [stack.name for stack in stacks if states.exists(stack.status)]
    if left and not bootstrap_stands:
        name = access.environment.environment
        raise GitopsError(
            f"{' and '.join(left)} can only be deleted under the role of the bootstrap stack, which is gone",
            fix=f"gitops apply {name} --stack bootstrap, then run this again",
        )
