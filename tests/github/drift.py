"""Rules on the morning's comparison: it looks at everything, and one finding hides no other."""

from __future__ import annotations

from tests.github.files import GitHubFiles

RUNS = {
    "drift": '.venv/bin/gitops drift "$ENVIRONMENT"',
    "scan": ".venv/bin/gitops scan",
    "images": '.venv/bin/gitops scan --live "$ENVIRONMENT"',
}
OF_AN_ENVIRONMENT = ("drift", "images")


def drift_looks_at_all_that_runs(files: GitHubFiles) -> list[str]:
    """What runs, what it is made of, and what git asks for; with the history, since any commit may serve."""
    jobs = files.workflows["drift"]["jobs"]
    problems = [
        f"drift.{name} runs {jobs[name]['steps'][-1]['run']}"
        for name, run in RUNS.items()
        if jobs[name]["steps"][-1]["run"] != run
    ]
    if jobs["drift"]["steps"][0]["with"].get("fetch-depth") != "0":
        problems.append("drift.drift has no history")
    return problems


def one_environments_drift_hides_no_others(files: GitHubFiles) -> list[str]:
    """By default a failed job of a matrix cancels the others."""
    jobs = files.workflows["drift"]["jobs"]
    return [
        f"drift.{name} ends for one environment with the other"
        for name in OF_AN_ENVIRONMENT
        if jobs[name]["strategy"].get("fail-fast") != "false"
    ]


def schedules_avoid_the_full_hour(files: GitHubFiles) -> list[str]:
    """Then GitHub delays scheduled runs and drops some (docs.github.com, events that trigger workflows, schedule)."""
    return [
        f"{name}: {one['cron']}"
        for name, data in files.workflows.items()
        if isinstance(data["on"], dict)
        for one in data["on"].get("schedule", [])
        if one["cron"].split()[0] in ("0", "*")
    ]
