"""Rules on the way through a workflow: order, conditions, environments reached, and what is handed on."""

from __future__ import annotations

from typing import Any

from tests.github.expected import JOBS
from tests.github.files import SELF, GitHubFiles, Job, deployed_environments


def order_is_exact(files: GitHubFiles) -> list[str]:
    """What each job waits for, and when it runs at all."""
    problems = []
    for key, job in files.jobs.items():
        expected = JOBS.get(key)
        if expected and tuple(_needs(job)) != expected.needs:
            problems.append(f"{'.'.join(key)}: needs {_needs(job)}")
        if expected and job.get("if") != expected.condition:
            problems.append(f"{'.'.join(key)}: if {job.get('if')}")
    return problems


def the_gate_waits_for_all(files: GitHubFiles) -> list[str]:
    """Every job of the check workflow is behind its one required check, which only lets pass what forks skip."""
    jobs = files.workflows["check"]["jobs"]
    gate = jobs["gate"]
    problems = [f"gate does not wait for {job}" for job in jobs if job != "gate" and job not in _needs(gate)]
    step = gate["steps"][-1]
    if step.get("env") != {"NEEDS": "${{ toJSON(needs) }}"}:
        problems.append("gate does not get the results of the jobs before it")
    if step.get("run", "").split("gitops ")[-1] != "gate --may-skip plan --may-skip comment":
        problems.append(f"gate runs {step.get('run')}")
    return problems


def every_environment_is_reached(files: GitHubFiles) -> list[str]:
    """By plan, deploy, rollback, apply, drill, drift and the scan of what is live, and teardown."""
    wanted = sorted(deployed_environments())
    typed = {
        name: files.workflows[name]["on"]["workflow_dispatch"]["inputs"] for name in ("drill", "rollback", "teardown")
    }
    reached: dict[str, Any] = {
        **{f"drift's {name}": _matrix(files.workflows["drift"]["jobs"][name]) for name in ("drift", "images")},
        "plan of a pull request": _matrix(files.workflows["check"]["jobs"]["plan"]),
        **{name: inputs["environment"].get("options", []) for name, inputs in typed.items()},
        "deploy": _called_for(files, "ship", "deploy"),
        "apply": _called_for(files, "infrastructure", "apply"),
    }
    return [f"{what} reaches {names}, not {wanted}" for what, names in reached.items() if sorted(names) != wanted]


def callers_name_the_job_by_its_environment(files: GitHubFiles) -> list[str]:
    """A job called staging that deploys to production would be approved by mistake."""
    return [
        f"{'.'.join(key)}: is for {job['with']['environment']}"
        for key, job in files.jobs.items()
        if "environment" in job.get("with", {}) and job["with"]["environment"] != key[1]
    ]


def the_same_commit_goes_everywhere(files: GitHubFiles) -> list[str]:
    """From the push to the tests, the build and every deploy: the registry keeps one image per commit."""
    ship = files.workflows["ship"]["jobs"]
    problems = [
        f"{name} does not get the commit that was built"
        for name in _called_for(files, "ship", "deploy")
        if ship[name].get("with", {}).get("commit") != "${{ inputs.commit }}"
    ]
    if files.workflows["service"]["jobs"]["ship"].get("with", {}).get("commit") != "${{ github.sha }}":
        problems.append("what is shipped is not the commit of the run")
    problems += [
        f"{where}: checks out another commit than the one it is for"
        for where, step in files.steps()
        if where.startswith(("ship.", "deploy."))
        and step.get("uses", "").startswith("actions/checkout@")
        and step["with"].get("ref") != "${{ inputs.commit }}"
    ]
    problems += [
        f"{where}: COMMIT is {step['env']['COMMIT']}"
        for where, step in files.steps()
        if step.get("env", {}).get("COMMIT", "${{ inputs.commit }}") != "${{ inputs.commit }}"
        and not where.startswith("rollback.")
    ]
    return problems


def the_digest_that_was_built_is_deployed(files: GitHubFiles) -> list[str]:
    """The build hands its digest to every deploy, and each verb there insists on it."""
    ship, built = files.workflows["ship"]["jobs"], "${{ needs.build.outputs.digest }}"
    problems = [
        f"{name} does not get the digest that was built"
        for name in _called_for(files, "ship", "deploy")
        if ship[name].get("with", {}).get("digest") != built
    ]
    if ship["build"].get("outputs", {}).get("digest") != "${{ steps.build.outputs.digest }}":
        problems.append("the build does not hand its digest on")
    return problems + [
        f"{where} does not insist on the digest"
        for where, step in files.steps()
        if where.startswith("deploy.")
        and (" register " in step.get("run", "") or " deploy " in step.get("run", ""))
        and (step.get("env", {}).get("DIGEST"), step["run"].split(" --digest ")[-1])
        != ("${{ inputs.digest }}", '"$DIGEST"')
    ]


def the_reviewed_plan_is_applied(files: GitHubFiles) -> list[str]:
    """The hash goes from the plan's job to each apply, which insists on it."""
    return [
        f"{where} does not insist on the plan's hash"
        for where, step in files.steps()
        if "gitops apply " in step.get("run", "")
        and not (
            step.get("env", {}).get("PLAN_HASH") == "${{ needs.plan.outputs.plan-hash }}"
            and '--plan-hash "$PLAN_HASH"' in step["run"]
        )
    ]


def teardown_checks_what_was_typed(files: GitHubFiles) -> list[str]:
    """The typed name goes to the verb, which compares it; the role's own stack is kept."""
    step = files.workflows["teardown"]["jobs"]["teardown"]["steps"][-1]
    problems = []
    if step.get("env") != {"ENVIRONMENT": "${{ inputs.environment }}", "CONFIRM": "${{ inputs.confirm }}"}:
        problems.append(f"teardown gets {step.get('env')}")
    if '"$ENVIRONMENT" --confirm "$CONFIRM" --keep-bootstrap' not in step["run"]:
        problems.append(f"teardown runs {step['run']}")
    return problems


def drills_do_not_overlap_deploys(files: GitHubFiles) -> list[str]:
    """The drill's group, with an environment and a service in place, is that of the service's deploys there."""
    group = files.workflows["drill"]["jobs"]["drill"].get("concurrency", {}).get("group", "")
    problems = []
    for name in deployed_environments():
        deploys = files.workflows["ship"]["jobs"][name].get("concurrency", {}).get("group")
        if group.replace("${{ inputs.environment }}", name) != deploys:
            problems.append(f"a drill of {name} may overlap a deploy: {group} is not {deploys}")
    return problems


def a_rollback_waits_for_no_deploy(files: GitHubFiles) -> list[str]:
    """In a group with the deploys it would wait for the one that it is to stop."""
    places = [files.workflows["rollback"], *files.workflows["rollback"]["jobs"].values()]
    groups = {place["concurrency"]["group"].split("-")[0] for place in places if "concurrency" in place}
    return [f"a rollback waits in the group {group}" for group in sorted(groups - {"rollback"})]


def a_drill_checks_what_was_typed(files: GitHubFiles) -> list[str]:
    """The typed name goes to the verb, which compares it."""
    step = files.workflows["drill"]["jobs"]["drill"]["steps"][-1]
    typed = step.get("env", {}).get("CONFIRM") == "${{ inputs.confirm }}" and '--confirm "$CONFIRM"' in step["run"]
    return [] if typed else [f"drill runs {step['run']} with {step.get('env')}"]


def an_image_is_proven_before_it_is_deployed(files: GitHubFiles) -> list[str]:
    """Pushed, scanned, billed, attested twice: what failed its scan has no attestation, and is never registered."""
    steps = files.workflows["ship"]["jobs"]["build"]["steps"]
    done = [step.get("run", step.get("uses", "")) for step in steps[3:]]
    wanted = ["gitops build ", "gitops scan ", "gitops sbom ", "actions/attest@", "actions/attest@"]
    problems = [] if len(done) == len(wanted) and all(map(str.__contains__, done, wanted)) else [f"build runs {done}"]
    subject = {
        "subject-name": "${{ steps.build.outputs.repository }}",
        "subject-digest": "${{ steps.build.outputs.digest }}",
    }
    attested = [step["with"] for step in steps if step.get("uses", "").startswith("actions/attest@")]
    if attested != [subject, {**subject, "sbom-path": "sbom.json"}]:
        problems.append(f"attests {attested}")
    problems += [
        f"{where}: gh gets no token to verify with"
        for where, step in files.steps()
        if "gitops register" in step.get("run", "") and step["env"].get("GH_TOKEN") != "${{ github.token }}"
    ]
    return problems


def what_came_of_a_deploy_is_told(files: GitHubFiles) -> list[str]:
    """After each deploy and rollback, failed ones too, with the verdict of that very step; it reddens nothing."""
    problems = []
    for key, job in files.jobs.items():
        scripts = [step.get("run", "") for step in job.get("steps", [])]
        if not any(f"gitops {verb} " in script for verb in ("deploy", "rollback") for script in scripts):
            continue
        last, roll = job["steps"][-1], job["steps"][-2]
        told = {"VERDICT": "${{ steps.roll.outputs.verdict }}", "BEFORE": "${{ steps.roll.outputs.before }}"}
        if (
            "gitops comment-reached " not in last["run"]
            or roll.get("id") != "roll"
            or not last.get("if", "").startswith("always()")
            or last.get("continue-on-error") != "true"
            or not told.items() <= last["env"].items()
        ):
            problems.append(f"{'.'.join(key)} does not end with the truth for its pull requests")
    return problems


def a_review_holds_every_part(files: GitHubFiles) -> list[str]:
    """What the diff and the plans keep is what the comment takes."""
    jobs = files.workflows["check"]["jobs"]
    parts = {"diff": "diff", "plan": "plan-${{ matrix.environment }}"}
    problems = []
    for name, part in parts.items():
        verb, kept = jobs[name]["steps"][-2:]
        wanted = {"name": f"review-{part}", "path": f"review/{part}.md", "if-no-files-found": "error"}
        if "--part review" not in verb["run"] or not wanted.items() <= kept["with"].items():
            problems.append(f"{name} keeps {kept['with']}")
    if jobs["comment"]["steps"][0]["with"].get("ref") != "${{ github.event.pull_request.base.sha }}":
        problems.append("the comment is written by the pull request's own code")
    taken = jobs["comment"]["steps"][-2]["with"]
    if taken != {"pattern": "review-*", "path": "review", "merge-multiple": "true"}:
        problems.append(f"the comment takes {taken}")
    return problems


def _needs(job: Job) -> list[str]:
    needs: str | list[str] = job.get("needs", [])
    return [needs] if isinstance(needs, str) else needs


def _matrix(job: Job) -> list[str]:
    names: list[str] = job.get("strategy", {}).get("matrix", {}).get("environment", [])
    return names


def _called_for(files: GitHubFiles, workflow: str, called: str) -> list[str]:
    return [
        job["with"]["environment"]
        for job in files.workflows[workflow]["jobs"].values()
        if job.get("uses") == f"{SELF}workflows/{called}.yml"
    ]
