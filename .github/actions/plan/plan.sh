#!/usr/bin/env bash
# Plan a manifest: write the plan and the comment, and set the outputs of the step.
# From the environment: MANIFEST, COMMENT; OUT, OPTIONS (optional).
set -euo pipefail
# shellcheck source=../common.sh
source "$GITHUB_ACTION_PATH/../common.sh"

out=${OUT:-$(dirname -- "$MANIFEST")/dispatchfile.plan}
read_lines "${OPTIONS:-}"
distrust
code=0
"$program" plan "${lines[@]}" --out "$out" --detailed-exitcode -o markdown -- "$MANIFEST" >"$COMMENT" || code=$?
believe
case $code in
  0) changes=false ;;
  2) changes=true ;;
  *) exit "$code" ;;
esac

cat "$COMMENT" >>"$GITHUB_STEP_SUMMARY"
printf 'plan=%s\nhas-changes=%s\n' "$out" "$changes" >>"$GITHUB_OUTPUT"
"$program" plan -o json -- "$out" | "$RUNNER_TEMP/dispatchfile/bin/python" -c '
import json, sys
plan = json.load(sys.stdin)
counts = plan["counts"]
print("digest={}\nto-send={}\nleft-out={}".format(plan["digest"], counts["to_send"], counts["left_out"]))
' >>"$GITHUB_OUTPUT"
