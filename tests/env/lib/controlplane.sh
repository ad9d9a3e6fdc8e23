# shellcheck shell=bash
# Starting etcd and kube-apiserver on free ports of 127.0.0.1: the API of a cluster without nodes and without controllers.
# Nothing here runs Pods, finishes the deletion of a namespace, or collects what an owner left behind.

ETCD_PID=0
APISERVER_PID=0

prepare_controlplane() {
  CONTROLPLANE=$WORKDIR/controlplane
  CONTROLPLANE_BIN=$(controlplane_bin)
  KUBECONFIG_FILE=$CONTROLPLANE/kubeconfig
  mkdir -m 700 "$CONTROLPLANE"
  make_authority "$CONTROLPLANE/ca" "sluice test cluster CA"
  make_certificate "$CONTROLPLANE/ca" "$CONTROLPLANE/apiserver" kube-apiserver \
    "DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,IP:127.0.0.1,IP:10.0.0.1"
  openssl ecparam -name prime256v1 -genkey -noout -out "$CONTROLPLANE/serviceaccounts.key"
  ADMIN_TOKEN=$(openssl rand -hex 24)
  (umask 077; echo "$ADMIN_TOKEN,admin,admin,\"system:masters\"" >"$CONTROLPLANE/tokens.csv")
  # One line for each write that anybody but the server itself makes: what a test counts to show that nothing was written.
  cat >"$CONTROLPLANE/audit-policy.yaml" <<'YAML'
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: None
  users: [system:apiserver]
- level: Metadata
  verbs: [create, update, patch, delete, deletecollection]
YAML
  : >"$CONTROLPLANE/audit.log"
}

start_etcd() {
  local client=$1 peer
  peer=$(free_port)
  spawn KILL "$CONTROLPLANE/etcd.log" self "$CONTROLPLANE_BIN/etcd" --name test --data-dir "$CONTROLPLANE/etcd" \
    --listen-client-urls "http://127.0.0.1:$client" --advertise-client-urls "http://127.0.0.1:$client" \
    --listen-peer-urls "http://127.0.0.1:$peer" --initial-advertise-peer-urls "http://127.0.0.1:$peer" \
    --initial-cluster "test=http://127.0.0.1:$peer" --unsafe-no-fsync --log-level warn &
  ETCD_PID=$!
  disown
}

start_apiserver() {
  local etcd=$1 port=$2
  spawn KILL "$CONTROLPLANE/apiserver.log" self "$CONTROLPLANE_BIN/kube-apiserver" \
    --etcd-servers "http://127.0.0.1:$etcd" --bind-address 127.0.0.1 --secure-port "$port" \
    --tls-cert-file "$CONTROLPLANE/apiserver.crt" --tls-private-key-file "$CONTROLPLANE/apiserver.key" \
    --cert-dir "$CONTROLPLANE" --service-account-issuer https://kubernetes.default.svc \
    --service-account-key-file "$CONTROLPLANE/serviceaccounts.key" \
    --service-account-signing-key-file "$CONTROLPLANE/serviceaccounts.key" \
    --token-auth-file "$CONTROLPLANE/tokens.csv" --authorization-mode RBAC --service-cluster-ip-range 10.0.0.0/24 \
    --disable-admission-plugins ServiceAccount --endpoint-reconciler-type none \
    --audit-policy-file "$CONTROLPLANE/audit-policy.yaml" --audit-log-path "$CONTROLPLANE/audit.log" &
  APISERVER_PID=$!
  disown
}

write_kubeconfig() {
  (
    umask 077
    cat >"$KUBECONFIG_FILE" <<YAML
apiVersion: v1
kind: Config
clusters:
- name: test
  cluster: {server: "https://127.0.0.1:$1", certificate-authority-data: "$(base64 -w0 <"$CONTROLPLANE/ca.crt")"}
users:
- name: admin
  user: {token: "$ADMIN_TOKEN"}
contexts:
- name: test
  context: {cluster: test, user: admin, namespace: default}
current-context: test
YAML
  )
}

# Starts both without waiting: what takes time can be done beside it.
launch_controlplane() {
  ETCD_PORT=$(free_port)
  APISERVER_PORT=$(free_port)
  start_etcd "$ETCD_PORT"
  start_apiserver "$ETCD_PORT" "$APISERVER_PORT"
  write_kubeconfig "$APISERVER_PORT"
}

# Waits until the API server is ready. Where a port was taken meanwhile, everything once more on others.
await_controlplane() {
  local attempt
  for attempt in 1 2 3; do
    if wait_for_apiserver; then return 0; fi
    stop_apiserver
    stop_etcd
    if ! grep -qi 'address already in use' "$CONTROLPLANE/etcd.log" "$CONTROLPLANE/apiserver.log"; then break; fi
    rm -rf "$CONTROLPLANE/etcd"
    launch_controlplane
  done
  show_log "$CONTROLPLANE/etcd.log"
  show_log "$CONTROLPLANE/apiserver.log"
  say "the control plane did not start (attempt $attempt)"
  return 1
}

wait_for_apiserver() {
  local until=$((SECONDS + PATIENCE))
  while [ "$SECONDS" -lt "$until" ]; do
    if ! kill -0 "$ETCD_PID" 2>/dev/null || ! kill -0 "$APISERVER_PID" 2>/dev/null; then return 1; fi
    if curl --silent --fail --max-time 10 --cacert "$CONTROLPLANE/ca.crt" --header "Authorization: Bearer $ADMIN_TOKEN" \
      "https://127.0.0.1:$APISERVER_PORT/readyz" >/dev/null; then return 0; fi
    sleep 0.1
  done
  return 1
}

stop_apiserver() { end_process KILL "$APISERVER_PID"; APISERVER_PID=0; }
stop_etcd() { end_process KILL "$ETCD_PID"; ETCD_PID=0; }

controlplane_json() {
  jq -cn --arg kubeconfig "$KUBECONFIG_FILE" --arg bindir "$CONTROLPLANE_BIN" --arg audit "$CONTROLPLANE/audit.log" \
    --arg server "https://127.0.0.1:$APISERVER_PORT" --arg ca "$CONTROLPLANE/ca.crt" --arg token "$ADMIN_TOKEN" \
    --argjson etcd "$ETCD_PID" --argjson apiserver "$APISERVER_PID" \
    '{$server, $ca, $token, $bindir, $audit, pid: {$etcd, $apiserver}}'
}
