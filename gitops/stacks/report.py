"""A plan as text: lines for a terminal, Markdown for a job's summary and a pull request."""

from __future__ import annotations

import re

from gitops.review.markdown import COMMENT_BUDGET
from gitops.stacks.changes import Change, Property, risks
from gitops.stacks.planned import Plan, StackPlan

_SIGNS = {"add": "+", "perhaps": "?", "change": "~", "replace": "!", "uncertain": "?", "remove": "-", "import": ">"}
_LONGEST_VALUE = 120


def verdict(plan: Plan) -> str:
    """The first line: whether anything changes, and how much of what kind."""
    changing = [stack for stack in plan.applied if stack.state != "none"]
    # Bootstrap, which is shown and not applied with the others.
    aside = [stack for stack in plan.stacks if not stack.hashed]
    also = " and ".join(stack.label for stack in aside if stack.state != "none")
    if not changing:
        where = " and ".join([_stacks(len(plan.applied)), *(stack.label for stack in aside if stack.state == "none")])
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
        f"{stack.label} changes too; an administrator applies it: gitops apply {plan.environment} --stack {stack.label}"
        for stack in plan.stacks
        if not stack.hashed and stack.state != "none"
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
        text += f": {_short(one.before) or '(none)'} → {_short(one.after) or '(none)'}"
    if one.cause:
        text += f" (through {one.cause})"
    if one.recreates != "Never":
        text += " ← recreates" if one.recreates == "Always" else " ← may recreate"
    return text


def _short(value: str) -> str:
    flat = " ".join(value.split())
    return flat if len(flat) <= _LONGEST_VALUE else f"{flat[:_LONGEST_VALUE]}…"


def markdown(plan: Plan, budget: int = COMMENT_BUDGET) -> str:
    """The plan as Markdown of at most ``budget`` characters; what is cut is cut at whole resources and said."""
    head = [f"### {_inert(verdict(plan))}", ""]
    head += [f"- {_inert(line)}" for line in warnings(plan)]
    # A line of its own: what follows an HTML block without an empty line is no Markdown.
    tail = ["", "", f"plan hash `{plan.hash}`"]
    text = "\n".join(head)
    end = "\n".join(tail)
    if len(text) + len(end) + 1 > budget:
        kept = text[: budget - len(end) - 20].rsplit("\n", 1)[0]
        return f"{kept}\n- and more{end}"
    for stack in plan.stacks:
        if stack.state == "none":
            continue
        room = budget - len(text) - len(end) - 1
        part = _fold(stack, room)
        text += part or ""
    return text + end


def _fold(stack: StackPlan, room: int) -> str:
    """One stack's details, cut to ``room`` characters; empty when not even its frame fits."""
    blocks = ["\n".join(_change(change)) for change in stack.changes]
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", "\n".join(blocks))), default=0))
    opening = f"\n\n<details><summary>{stack.label}: {_inert(_title(stack))}</summary>\n\n{fence}diff\n"
    closing = f"\n{fence}\n</details>"
    left_out = "\n# {} more resources are left out: the whole plan is in the job's log"
    spent = len(opening) + len(closing) + len(left_out) + 8
    if spent > room:
        return ""
    kept: list[str] = []
    for block in blocks:
        if spent + len(block) + 1 > room:
            break
        kept.append(block)
        spent += len(block) + 1
    note = left_out.format(len(blocks) - len(kept)) if len(kept) < len(blocks) else ""
    return opening + "\n".join(kept) + note + closing


def _inert(text: str) -> str:
    """Text that names nobody and links nothing on GitHub."""
    for sign in "\\`*_<>[]":
        text = text.replace(sign, f"\\{sign}")
    return text.replace("@", "@\u200b").replace("#", "#\u200b")
