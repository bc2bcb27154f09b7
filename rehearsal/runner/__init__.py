"""Runs this repository's workflows on this machine with nektos/act, offline, against the running rehearsal.

Real: act reads the workflows and runs every step of every job; each job takes its AWS role with an OIDC
token of its own; the staging and production that they change are accounts of the emulator, with the
templates, environment files and IAM policies as they stand.

Replaced, and why:

- actions from outside, by the small ones in ``actions/``: there is no GitHub to fetch them from;
- ``$/``, the syntax of July 2026 for this repository, by ``./``: act does not know it yet;
- GitHub's token service, API and repository, by services on loopback and a scratch repository;
- what services ask, by their stand-ins: variables of the task definitions, in one more commit;
- the build of ``.venv``: each job gets one made of the clone's own, where the locks are the same;
- the Tests job runs the services' tests alone: the others are what runs this, and would run it again.

What act does not evaluate (filters, permissions, environments, concurrency, timeouts), tests/github asserts.
"""
