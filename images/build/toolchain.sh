#!/bin/sh
# Installs the compiler and what a kernel build needs, from the suites named in SOURCES.
#
# In:  SOURCES   lines of sources.list, separated by ';'; empty leaves the base image's own
#      PACKAGES  packages, separated by blanks; NAME/SUITE takes one from that suite
# Out: the packages, and the user `klp` that does all work in a container later.
set -eu

if [ -n "$SOURCES" ]; then
  rm -f /etc/apt/sources.list.d/*
  printf '%s\n' "$SOURCES" | tr ';' '\n' >/etc/apt/sources.list
fi

export DEBIAN_FRONTEND=noninteractive
apt_options='-o Acquire::Retries=3 -o Acquire::Languages=none -o Dpkg::Use-Pty=0'
# shellcheck disable=SC2086 # both are lists of words
apt-get $apt_options update
# shellcheck disable=SC2086
apt-get $apt_options install -y -q --no-install-recommends $PACKAGES

apt-get clean
rm -rf /var/lib/apt/lists/* /var/log/apt /var/log/dpkg.log /var/cache/debconf/*-old
useradd --create-home --uid 1000 --shell /bin/bash klp
