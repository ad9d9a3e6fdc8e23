# shellcheck shell=bash
# Starting one PostgreSQL server on a free port of 127.0.0.1 and a socket folder of its own.
# It is run by a user who is not root and kept in $WORKDIR; it must never touch a cluster of the machine.

POSTGRES_PID=0
POSTGRES_PORT=0
POSTGRES_TLS=no
POSTGRES_SETTINGS=()

# Copies the initialised data folder of a major version (empty: the machine's own) and writes the settings.
prepare_postgres() {
  local major=$1 template setting
  POSTGRES_BIN=$(postgres_bin "$major")
  template=$(cache_dir)/$(template_name "$major")
  POSTGRES_DATA=$WORKDIR/postgres/data
  POSTGRES_SOCKETS=$WORKDIR/postgres/run
  POSTGRES_LOG=$WORKDIR/postgres/log
  POSTGRES_PASSWORD=$(cat "$template/password")
  mkdir "$WORKDIR/postgres" "$POSTGRES_SOCKETS"
  cp -a --reflink=auto "$template/data" "$POSTGRES_DATA"
  : >"$POSTGRES_LOG"
  cat >>"$POSTGRES_DATA/postgresql.conf" <<CONF
listen_addresses = '127.0.0.1'
unix_socket_directories = '$POSTGRES_SOCKETS'
max_connections = 1000
max_prepared_transactions = 20
# Losing the machine is not what the tests are about; losing a process is, and needs no fsync.
fsync = off
full_page_writes = off
log_lock_waits = on
log_line_prefix = '%m [%p] db=%d user=%u app=%a '
timezone = 'UTC'
log_timezone = 'UTC'
CONF
  if [ "$POSTGRES_TLS" = yes ]; then prepare_postgres_tls; fi
  for setting in "${POSTGRES_SETTINGS[@]}"; do
    printf "%s = '%s'\n" "${setting%%=*}" "${setting#*=}" >>"$POSTGRES_DATA/postgresql.conf"
  done
  if is_root; then chown -R "$(server_user)" "$WORKDIR/postgres"; fi
}

# A certificate for the server, from an authority made for this server alone.
prepare_postgres_tls() {
  make_authority "$WORKDIR/postgres-ca" "sluice test database CA"
  make_certificate "$WORKDIR/postgres-ca" "$POSTGRES_DATA/server" localhost "DNS:localhost,IP:127.0.0.1"
  cat >>"$POSTGRES_DATA/postgresql.conf" <<'CONF'
ssl = on
ssl_cert_file = 'server.crt'
ssl_key_file = 'server.key'
CONF
}

# Starts the server and waits until it answers. On a taken port it tries another, unless one was given.
start_postgres() {
  local port=${1:-0} attempt
  for attempt in 1 2 3; do
    POSTGRES_PORT=$port
    if [ "$port" = 0 ]; then POSTGRES_PORT=$(free_port); fi
    spawn QUIT "$POSTGRES_LOG" server "$POSTGRES_BIN/postgres" -D "$POSTGRES_DATA" -p "$POSTGRES_PORT" &
    POSTGRES_PID=$!
    disown
    if wait_for_postgres; then return 0; fi
    end_process QUIT "$POSTGRES_PID"
    POSTGRES_PID=0
    if [ "$port" != 0 ] || ! grep -q 'Address already in use' "$POSTGRES_LOG"; then break; fi
  done
  show_log "$POSTGRES_LOG"
  say "PostgreSQL did not start (attempt $attempt)"
  return 1
}

# The last line of the pid file says "ready" (or "standby") once connections are accepted.
wait_for_postgres() {
  local pid state until=$((SECONDS + PATIENCE))
  while [ "$SECONDS" -lt "$until" ]; do
    if ! kill -0 "$POSTGRES_PID" 2>/dev/null; then return 1; fi
    { mapfile -t state <"$POSTGRES_DATA/postmaster.pid"; } 2>/dev/null || state=()
    pid=${state[0]:-}
    case $pid:${state[7]:-} in "$POSTGRES_PID":ready* | "$POSTGRES_PID":standby*) return 0 ;; esac
    sleep 0.02
  done
  return 1
}

# fast: as an administrator would; immediate: as if it crashed.
stop_postgres() {
  case ${1:-immediate} in
    fast) end_process INT "$POSTGRES_PID" ;;
    immediate) end_process QUIT "$POSTGRES_PID" ;;
    *) die "stop postgres: fast or immediate, not $1" ;;
  esac
  POSTGRES_PID=0
}

postgres_json() {
  local tools ca=
  tools=/usr/lib/postgresql/$(system_postgres_major)/bin
  if [ "$POSTGRES_TLS" = yes ]; then ca=$WORKDIR/postgres-ca.crt; fi
  jq -cn --arg host 127.0.0.1 --argjson port "$POSTGRES_PORT" --arg user postgres --arg password "$POSTGRES_PASSWORD" \
    --arg version "$("$POSTGRES_BIN/postgres" --version | awk '{ print $3 }')" --arg bindir "$POSTGRES_BIN" \
    --arg tools "$tools" --arg datadir "$POSTGRES_DATA" --arg socketdir "$POSTGRES_SOCKETS" --arg log "$POSTGRES_LOG" \
    --argjson pid "$POSTGRES_PID" --arg ca "$ca" \
    '{$host, $port, $user, $password, $version, $bindir, $tools, $datadir, $socketdir, $log, $pid}
      + (if $ca == "" then {} else {$ca} end)'
}
