# shellcheck shell=bash
# Debian packages: what is needed, what is missing, one apt run for all of it.

# package, and what shows that it is there: a command, or a file pattern. Programs that were
# installed in another way count.
debian_packages_run='
softhsm2 softhsm2-util
build-essential g++
build-essential make
python3 python3
'
debian_packages_test='
openssl openssl
curl curl
gnutls-bin certtool
gnutls-bin ocsptool
golang-cfssl cfssl
faketime faketime
libfaketime /usr/lib/*/faketime/libfaketime.so.1
p11-kit p11-kit
libnss3 /usr/lib/*/libsoftokn3.so
libnss3-tools certutil
p11-kit-modules /usr/lib/*/pkcs11/p11-kit-client.so
opensc pkcs11-tool
nginx-light nginx
haproxy haproxy
strace strace
certbot certbot
lego lego
pebble pebble
acme-tiny acme-tiny
dehydrated dehydrated
ceph-mon ceph-mon
ceph-osd ceph-osd
ceph-common ceph
radosgw radosgw
python3-cryptography-vectors /usr/lib/python3/dist-packages/cryptography_vectors/x509/PKITS_data/certs
'

# missing_debian_packages run|test: their names, one a line.
missing_debian_packages() {
  local wanted=$debian_packages_run package probe
  [[ $1 != test ]] || wanted+=$debian_packages_test
  while read -r package probe; do
    [[ -n $package ]] || continue
    if [[ $probe == /* ]]; then
      compgen -G "$probe" >/dev/null || printf '%s\n' "$package"
    else
      PATH="$PATH:/usr/sbin:/sbin" command -v "$probe" >/dev/null || printf '%s\n' "$package"
    fi
  done <<<"$wanted" | awk '!seen[$0]++'
}

# One line that says what is missing and how to get it, when this user cannot install it.
require_root_for() {
  command -v apt-get >/dev/null ||
    fail "Missing: $*. There is no apt-get here: install them with this system's package manager, then run this again."
  ((EUID == 0)) ||
    fail "Missing Debian packages: $*. Ask an administrator to run: apt-get install $* (or run this as root once)."
}

# Services that a package brings (nginx) are not started: the tests start what they need themselves.
install_debian_packages() {
  local policy=/usr/sbin/policy-rc.d made=''
  if [[ ! -e $policy ]]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy" && made=yes
  fi
  local status=0
  # An update that fails (one dead mirror of several) need not stop an install that works.
  apt-get update || true
  DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "$@" || status=$?
  [[ -z $made ]] || rm -f "$policy"
  return "$status"
}
