#!/usr/bin/env bash
# Install dispatchfile once for each job, from PACKAGE or from the repository that this action is in.
# From the environment: PACKAGE (optional), PYTHON, and what the runner sets.
set -euo pipefail

home=$RUNNER_TEMP/dispatchfile
if [ -x "$home/bin/dispatchfile" ]; then
  exit 0
fi
package=${PACKAGE:-$GITHUB_ACTION_PATH/../../..}
mapfile -t found < <(compgen -G "$package") # a pattern, such as vendor/dispatchfile-*.whl
"${PYTHON:-python3}" -m venv "$home"
"$home/bin/pip" install --quiet --disable-pip-version-check -- "${found[0]:-$package}"
"$home/bin/dispatchfile" --version
