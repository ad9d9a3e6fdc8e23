# shellcheck shell=bash
# Certificates for the test servers: elliptic keys, because those are made in milliseconds.

# make_authority PREFIX NAME: PREFIX.crt and PREFIX.key.
make_authority() {
  openssl req -x509 -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj "/CN=$2" \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign \
    -keyout "$1.key" -out "$1.crt" 2>/dev/null
}

# make_certificate AUTHORITY PREFIX NAME ALTERNATIVES: PREFIX.crt and PREFIX.key, signed by the authority.
make_certificate() {
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$3" \
    -keyout "$2.key" -out "$2.csr" 2>/dev/null
  openssl x509 -req -in "$2.csr" -CA "$1.crt" -CAkey "$1.key" -days 30 -set_serial "0x$(openssl rand -hex 8)" \
    -extfile <(printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth\nbasicConstraints=CA:FALSE\n' "$4") \
    -out "$2.crt" 2>/dev/null
  chmod 600 "$2.key"
  rm "$2.csr"
}
