"""A plan as text: lines for a terminal, Markdown for a job's summary and a pull request."""

from __future__ import annotations

from gitops.stacks.changes import Change, Property, risks
from gitops.stacks.order import groups
from gitops.stacks.plan import Plan, StackPlan
from gitops.text import cut, fence, fit, fold, hide, plain

_SIGNS = {"add": "+", "perhaps": "?", "change": "~", "replace": "!", "uncertain": "?", "remove": "-", "import": ">"}
_LONGEST_VALUE = 120
_MORE = "- and more"


def verdict(plan: Plan) -> str:
    """The first line: whether anything changes, and how much of what kind."""
    changing = [stack for stack in plan.applied if stack.state != "none"]
    # Bootstrap, which is shown and not applied with the others.
    aside = [stack for stack in plan.stacks if not stack.hashed]
    changed = groups(stack.label for stack in aside if stack.state != "none")
    unchanged = [name for name in groups(stack.label for stack in aside) if name not in changed]
    also = " and ".join(changed)
    if not changing:
        where = " and ".join([_stacks(len(plan.applied)), *unchanged])
        return f"{plan.environment}: no changes in {where}{f', but {also} changes' if also else ''}"
    word = "REPLACEMENTS" if plan.counts.replaced else "changes"
    where = f"{len(changing)} of {_stacks(len(plan.applied))}"
    return f"{plan.environment}: {word} in {where}: {plan.counts}{f'; {also} changes too' if also else ''}"


def _stacks(number: int) -> str:
    return "1 stack" if number == 1 else f"{number} stacks"


def warnings(plan: Plan) -> list[str]:
    """The plan's risks in words, then what it cannot know."""
    lines = [line for stack in plan.stacks for line in risks(stack.label, stack.changes)]
    replaced = {stack.label for stack in plan.stacks if stack.counts.replaced or stack.counts.uncertain}
    lines += [
        f"{stack.label} takes outputs of {', '.join(sources)}, where resources are replaced: it may change with them"
        for stack in plan.stacks
        if (sources := sorted(replaced & set(stack.takes_from)))
    ]
    lines += [
        f"{name} changes too; an administrator applies it: gitops apply {plan.environment} --stack {name}"
        for name in groups(stack.label for stack in plan.stacks if not stack.hashed and stack.state != "none")
    ]
    return lines + [orphan.line(plan.environment) for orphan in plan.left_over]


def lines(plan: Plan) -> list[str]:
    """The plan for a terminal or a log, its hash last."""
    text = [verdict(plan), *(f"  ! {line}" for line in warnings(plan))]
    for stack in plan.stacks:
        text += ["", f"{stack.label} ({stack.stack_name}): {_title(stack)}"]
        text += [f"  {line}" for line in _body(stack)]
    return [*text, "", f"plan hash {plan.hash}"]


def _title(stack: StackPlan) -> str:
    if stack.state == "none":
        return "no changes"
    if stack.state == "after" and not stack.changes:
        return f"what changes is known only after {' and '.join(stack.after)}"
    if not stack.changes:
        return "outputs or tags change, no resource"
    verb = "update" if stack.state == "update" else "create"
    waits = f" after {' and '.join(stack.after)}" if stack.after else ""
    return f"{verb}{waits}: {stack.counts}"


def _body(stack: StackPlan) -> list[str]:
    return [line for change in stack.changes for line in _change(change)]


def _change(change: Change) -> list[str]:
    condition = f" if {change.condition}" if change.condition else ""
    line = f"{_SIGNS[change.kind]} {change.logical_id} {change.type}{condition}"
    if change.kind == "replace":
        line += " REPLACED"
    elif change.kind == "uncertain":
        line += " PERHAPS REPLACED"
    if change.policy:
        line += f" [{change.policy}]"
    return [line, *(f"    {text}" for text in dict.fromkeys(map(_property, change.properties)))]


def _property(one: Property) -> str:
    text = one.path
    if one.before or one.after:
        text += f": {cut(one.before, _LONGEST_VALUE) or '(none)'} → {cut(one.after, _LONGEST_VALUE) or '(none)'}"
    if one.cause:
        text += f" (through {one.cause})"
    if one.recreates != "Never":
        text += " ← recreates" if one.recreates == "Always" else " ← may recreate"
    return text


def markdown(plan: Plan, budget: int) -> str:
    """The plan as Markdown of at most ``budget`` characters; what is cut is cut at whole resources and said."""
    head = [f"### {plain(verdict(plan))}", "", *(f"- {plain(line)}" for line in warnings(plan))]
    # A line of its own: what follows an HTML block without an empty line is no Markdown.
    end = f"\n\nplan hash `{plan.hash}`"
    kept = fit(head, budget - len(end) - len(_MORE))
    if len(kept) < len(head):
        return "\n".join([*kept, _MORE]) + end
    text = "\n".join(head)
    for stack in plan.stacks:
        if stack.state != "none":
            text += _fold(stack, budget - len(text) - len(end))
    return text + end


def _fold(stack: StackPlan, room: int) -> str:
    """One stack's details, cut to ``room`` characters; empty when not even its frame fits."""
    blocks = [hide("\n".join(_change(change))) for change in stack.changes]
    title = f"{stack.label}: {_title(stack)}"
    left_out = "# {} more resources are left out: the whole plan is in the job's log"
    # The frame of all blocks, for the fence is as long as the backticks in any of them ask for.
    frame = len(_whole(title, blocks)) - len("\n".join(blocks)) + len(left_out) + 8
    kept = fit(blocks, room - frame)
    if frame > room:
        return ""
    note = [left_out.format(len(blocks) - len(kept))] if len(kept) < len(blocks) else []
    return _whole(title, [*kept, *note])


def _whole(title: str, blocks: list[str]) -> str:
    return f"\n\n{fold(title, fence(blocks, 'diff'))}"
