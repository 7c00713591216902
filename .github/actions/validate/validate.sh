#!/usr/bin/env bash
# Check manifests, and show problems as annotations.
# From the environment: MANIFESTS, OPTIONS, SARIF, JUNIT (all optional).
set -euo pipefail
shopt -s globstar nullglob
# shellcheck source=../common.sh
source "$GITHUB_ACTION_PATH/../common.sh"

read_lines "${OPTIONS:-}"
options=("${lines[@]}")
read_lines "${MANIFESTS:-}"
manifests=()
if [ ${#lines[@]} -eq 0 ]; then
  manifests=(**/dispatchfile.yaml **/dispatchfile.yml **/*.dispatchfile.yaml **/*.dispatchfile.yml)
  [ ${#manifests[@]} -gt 0 ] || fail "no manifest found: set the input manifests"
fi
for pattern in "${lines[@]}"; do
  IFS='' # a path may contain blanks
  # shellcheck disable=SC2206 # the pattern is to be expanded
  matches=($pattern)
  unset IFS
  [ ${#matches[@]} -gt 0 ] || matches=("$pattern") # dispatchfile says that there is no such file
  manifests+=("${matches[@]}")
done

validate() {
  "$program" validate "${options[@]}" -o "$1" -- "${manifests[@]}"
}

# The exit code is that of the last call: invalid manifests fail each of them.
[ -z "${SARIF:-}" ] || validate sarif >"$SARIF" || [ -s "$SARIF" ]
[ -z "${JUNIT:-}" ] || validate junit >"$JUNIT" || [ -s "$JUNIT" ]
validate github
