# shellcheck shell=bash disable=SC2034  # the scripts that read this file use its variables
# What the scripts of these actions share.

program=$RUNNER_TEMP/dispatchfile/bin/dispatchfile

# Read the lines of a text into the array `lines`, without empty ones: a line is one argument, whatever it contains.
read_lines() {
  lines=()
  local line
  while IFS= read -r line; do
    line=${line#"${line%%[![:space:]]*}"}
    line=${line%"${line##*[![:space:]]}"}
    [ -z "$line" ] || lines+=("$line")
  done <<<"$1"
}

fail() {
  echo "$1" >&2
  exit 1
}

# From here to `believe`, the runner takes no line for a command: logs of tasks could contain some.
distrust() {
  token=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
  echo "::stop-commands::$token"
}

believe() {
  echo "::$token::"
}
