# shellcheck shell=bash
# What every script of the test environment shares: where things are kept, how to speak, how to run servers.
# Sourced, never run. It must never write outside the cache and the temporary folders that it makes itself.

set -euo pipefail

# shellcheck disable=SC2034 # used by those who source this
ENV_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# Server programs of Debian's packages (pgbouncer) live in sbin, which is not on every user's PATH.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
# What is read here of what programs say is English with decimal points, whatever the machine speaks.
export LC_ALL=C.UTF-8

say() { printf '%s\n' "tests/env: $*" >&2; }
die() { say "$@"; exit 1; }

is_root() { [ "$(id -u)" = 0 ]; }

# PostgreSQL refuses to run as root, so root hands it to somebody else; everybody else runs it themselves.
server_user() {
  if ! is_root; then id -un
  elif id -u postgres >/dev/null 2>&1; then echo postgres
  else echo nobody; fi
}

# The cache lies outside the checkout. Root's is not in root's home, because the server user cannot read that.
cache_dir() {
  if [ -n "${SLUICE_TEST_CACHE:-}" ]; then echo "$SLUICE_TEST_CACHE"
  elif is_root; then echo /var/cache/sluice-test
  else echo "${XDG_CACHE_HOME:-$HOME/.cache}/sluice-test"; fi
}

# Runs a command as the server user.
as_server() {
  if is_root; then
    setpriv --reuid="$(server_user)" --regid="$(id -g "$(server_user)")" --clear-groups -- "$@"
  else "$@"; fi
}

# Replaces this shell by a server, in a session of its own, which the kernel ends with the given signal should the
# shell that supervises it die in whatever way. Use it as `spawn SIGNAL LOG USER COMMAND… &`: the server is then a direct
# child and $! its pid; `disown` it, so that bash does not comment on its end. USER is "server" or "self".
spawn() {
  local signal=$1 log=$2 user=$3; shift 3
  local -a ids=()
  if [ "$user" = server ] && is_root; then
    ids=(--reuid="$(server_user)" --regid="$(id -g "$(server_user)")" --clear-groups)
  fi
  exec setsid setpriv "${ids[@]}" --pdeathsig "$signal" -- "$@" </dev/null >>"$log" 2>&1 3<&- 9<&-
}

# A port of 127.0.0.1 on which nobody listens, below the range from which the kernel hands out ports by itself. Between
# this answer and its use another process may take it: starts are therefore tried again.
free_port() {
  local port _
  for _ in {1..200}; do
    port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
    if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then echo "$port"; return; fi
  done
  die "no free port between 20000 and 32000 on 127.0.0.1"
}

# A fresh folder that the server user may pass through. Its lock is held on descriptor 9 while its owner lives, which is
# how the folders of owners that were killed are told apart, and removed here.
make_workdir() {
  local base=${SLUICE_TEST_TMP:-} old
  if [ -z "$base" ]; then
    # Root's TMPDIR may be closed to the server user, and a socket's path must stay below 108 bytes.
    base=${TMPDIR:-/tmp}
    if is_root || [ "${#base}" -gt 50 ]; then base=/tmp; fi
  fi
  for old in "$base"/sluice-test.*; do
    if [ -O "$old" ] && [ -f "$old/lock" ]; then
      ( exec 9<"$old/lock"; if flock -n 9; then rm -rf "$old"; fi )
    fi
  done
  WORKDIR=$(mktemp -d "$base/sluice-test.XXXXXX")
  chmod 711 "$WORKDIR"
  : >"$WORKDIR/lock.new"
  exec 9<"$WORKDIR/lock.new"
  flock 9
  mv "$WORKDIR/lock.new" "$WORKDIR/lock"
}

# Ends a process: by the first signal, and after half a minute by SIGKILL. Pid 0 or empty means there is none. It is gone
# afterwards: a PostgreSQL that is killed before its children have ended could not be started again.
end_process() {
  local signal=$1 pid=${2:-0} until=$((SECONDS + 30))
  if [ "$pid" = 0 ] || ! kill -s "$signal" "$pid" 2>/dev/null; then return 0; fi
  while kill -0 "$pid" 2>/dev/null; do
    if [ "$SECONDS" -ge "$until" ]; then kill -s KILL "$pid" 2>/dev/null || true; fi
    if [ "$SECONDS" -ge $((until + 30)) ]; then return 0; fi
    sleep 0.02
  done
}

# How long a server may take to answer, in seconds: it does so in one or two, unless every core is busy with something else.
# shellcheck disable=SC2034 # used by those who source this
PATIENCE=180

# Does something again that the network may have spoilt: five times in all.
again() {
  local try
  for try in 1 2 3 4; do
    if "$@"; then return 0; fi
    say "try $try of 5 failed: $1"
    sleep $((try * 3))
  done
  "$@"
}

# Waits until our standard input is closed, which is how the caller's end is noticed however it came.
wait_for_eof() { while IFS= read -r _; do :; done; }

# Shows the end of a log on standard error.
show_log() {
  say "the end of $1:"
  tail -n 25 "$1" >&2 2>/dev/null || true
}
