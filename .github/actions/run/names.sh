#!/usr/bin/env bash
# Name the run and its state folder: the same in each attempt of a workflow run, and for a plan the same everywhere.
# From the environment: RUN_ID, PLAN (both optional).
set -euo pipefail

name=${RUN_ID:-gh$GITHUB_RUN_ID}
if [ -n "$PLAN" ]; then
  name=p$(sha256sum -- "$PLAN" | cut -c1-12)
fi
[[ $name =~ ^[a-z0-9]{1,20}$ ]] || { echo "the input run-id must have 1 to 20 characters, a-z and 0-9" >&2; exit 1; }
echo "name=$name" >>"$GITHUB_OUTPUT"
echo "state-dir=$RUNNER_TEMP/dispatchfile-state-$name" >>"$GITHUB_OUTPUT"
