#!/usr/bin/env bash
# Run a manifest or a plan. In a repeated workflow run, continue the first run, then run again what did not succeed.
# From the environment: MANIFEST or PLAN, RUN_ID, REPORTS, DISPATCHFILE_STATE_DIR; DIGEST, OPTIONS, RERUN_OPTIONS
# (optional).
set -euo pipefail
# shellcheck source=../common.sh
source "$GITHUB_ACTION_PATH/../common.sh"

mkdir -p "$REPORTS"
rm -f "$REPORTS"/{run,rerun}.{xml,json,html,env,annotations}

# Call this COMMAND of dispatchfile with reports in files of its name, and pass on a signal: the runner sends it only to
# this script. The exit code is left in `code`.
call() {
  local command=$1 files=$REPORTS/$1
  shift
  "$program" "$command" --report "json=$files.json" --report "junit=$files.xml" --report "html=$files.html" \
    --report "markdown=$GITHUB_STEP_SUMMARY" --report "dotenv=$files.env" --report "github=$files.annotations" \
    "$@" 2>&1 &
  child=$!
  while
    signaled=no code=0
    wait "$child" || code=$?
    [ "$signaled" = yes ]
  do :; done
}

child=""
trap 'signaled=yes; [ -z "$child" ] || kill -TERM "$child" 2>/dev/null || true' INT TERM HUP
distrust
read_lines "$OPTIONS"
if [ -n "$PLAN" ]; then
  [ -z "$DIGEST" ] || lines+=(--digest "$DIGEST")
  call run "${lines[@]}" -- "$PLAN"
else
  call run "${lines[@]}" --run-id "$RUN_ID" -- "$MANIFEST"
fi
last=run
if [ "$GITHUB_RUN_ATTEMPT" -gt 1 ] && { [ "$code" -eq 1 ] || [ "$code" -eq 2 ]; } && [ -e "$REPORTS/run.env" ]; then
  read_lines "$RERUN_OPTIONS"
  call rerun "${lines[@]}" --failed -- "$(sed -n 's/^run=//p' "$REPORTS/run.env")"
  [ ! -e "$REPORTS/rerun.env" ] || last=rerun
fi
believe

if [ -e "$REPORTS/$last.env" ]; then
  sed 's/^exit_code=/exit-code=/' "$REPORTS/$last.env" >>"$GITHUB_OUTPUT"
fi
# Where a rerun had nothing left to do, the annotations of the run are no longer true.
[ "$code" -eq 0 ] || [ ! -e "$REPORTS/$last.annotations" ] || cat "$REPORTS/$last.annotations"
exit "$code"
