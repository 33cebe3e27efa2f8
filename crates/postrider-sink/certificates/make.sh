#!/bin/sh
# Makes the certificates of this folder anew. The keys of the authorities are thrown away, so that nothing can be added later.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat > "$work/ca.cnf" <<'CNF'
[ca]
default_ca = any
[any]
database = $ENV::WORK/index
serial = $ENV::WORK/serial
new_certs_dir = $ENV::WORK
default_md = sha256
policy = names
unique_subject = no
[names]
commonName = supplied
[req]
distinguished_name = nothing
[nothing]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
[leaf]
basicConstraints = critical, CA:FALSE
subjectAltName = DNS:localhost, IP:127.0.0.1, IP:::1
[other_name]
basicConstraints = critical, CA:FALSE
subjectAltName = DNS:elsewhere.invalid
CNF
: > "$work/index"
echo 01 > "$work/serial"
export WORK="$work"

long_from=20200101000000Z
long_to=21200101000000Z

ec_key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"; }
request() { openssl req -new -config "$work/ca.cnf" -key "$1" -subj "/CN=$2" -out "$work/request"; }
# sign FILE EXTENSIONS FROM TO [MORE…]: what `request` asked for.
sign() {
    file=$1 extensions=$2 from=$3 to=$4
    shift 4
    openssl ca -batch -notext -config "$work/ca.cnf" -extensions "$extensions" -startdate "$from" -enddate "$to" \
        -in "$work/request" -out "$file" "$@" 2> "$work/log" || { cat "$work/log" >&2; exit 1; }
}
by_ca() { sign "$@" -cert ca.pem -keyfile "$work/ca.key"; }

ec_key "$work/ca.key"
request "$work/ca.key" "Postrider test authority, never trust"
sign ca.pem authority "$long_from" "$long_to" -selfsign -keyfile "$work/ca.key"

ec_key key.pem
request key.pem localhost
by_ca good.pem leaf "$long_from" "$long_to"
by_ca expired.pem leaf "$long_from" 20200201000000Z
by_ca sha1.pem leaf "$long_from" "$long_to" -md sha1
sign self_signed.pem leaf "$long_from" "$long_to" -selfsign -keyfile key.pem
request key.pem elsewhere.invalid
by_ca wrong_name.pem other_name "$long_from" "$long_to"

# A chain whose middle is a key of 1,024 bits: leaf first, as it is sent.
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out "$work/weak.key" 2> "$work/log"
request "$work/weak.key" "Postrider weak test authority"
by_ca "$work/weak.pem" authority "$long_from" "$long_to"
request key.pem localhost
sign "$work/weak_leaf.pem" leaf "$long_from" "$long_to" -cert "$work/weak.pem" -keyfile "$work/weak.key"
cat "$work/weak_leaf.pem" "$work/weak.pem" > weak_rsa.pem
