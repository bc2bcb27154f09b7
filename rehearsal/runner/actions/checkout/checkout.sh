#!/usr/bin/env bash
# Fetches $REF of $REHEARSAL_REPOSITORY into the working directory.
set -euo pipefail
case "$PERSIST" in true | false) ;; *) echo "persist-credentials: $PERSIST" >&2; exit 1 ;; esac
case "$DEPTH" in '' | *[!0-9]*) echo "fetch-depth: $DEPTH" >&2; exit 1 ;; esac
git init --quiet --initial-branch main .
# A file:// address, since git ignores the depth of a plain path.
git remote add origin "file://$REHEARSAL_REPOSITORY"
if [ "$DEPTH" = 0 ]; then
  git fetch --quiet origin '+refs/heads/*:refs/remotes/origin/*' "$REF"
else
  git fetch --quiet --no-tags --depth "$DEPTH" origin "$REF"
fi
git -c advice.detachedHead=false checkout --quiet "$(git rev-parse --verify "$REF^{commit}" 2>/dev/null || echo FETCH_HEAD)"
echo "commit=$(git rev-parse HEAD)" >>"$GITHUB_OUTPUT"
