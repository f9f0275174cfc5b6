#!/bin/sh
# Fills /klp/userland/bin with the programs of the test VM's user space: static ones of the kernel's architecture.
# Where that is not this machine's own, also installs a C library to link programs for it with.
#
# In:  DEBIAN_ARCH  the architecture by Debian's name
# Out: /klp/userland/bin/{busybox,bash-static}
set -eu
mkdir -p /klp/userland/bin
if [ "$(dpkg --print-architecture)" = "$DEBIAN_ARCH" ]; then
  cp /bin/busybox /bin/bash-static /klp/userland/bin/
  exit
fi

export DEBIAN_FRONTEND=noninteractive
apt_options='-o Acquire::Retries=3 -o Acquire::Languages=none -o Dpkg::Use-Pty=0'
dpkg --add-architecture "$DEBIAN_ARCH"
# shellcheck disable=SC2086 # a list of words
apt-get $apt_options update
# clang takes the start files and libgcc of the same version as those of its own system.
gcc=$(ls /usr/lib/gcc/* | sort -V | tail -n 1)
# shellcheck disable=SC2086
apt-get $apt_options install -y -q --no-install-recommends \
  "libc6-dev-$DEBIAN_ARCH-cross" "libgcc-$gcc-dev-$DEBIAN_ARCH-cross"
cd /klp
# shellcheck disable=SC2086
apt-get $apt_options -q download "busybox-static:$DEBIAN_ARCH" "bash-static:$DEBIAN_ARCH"
for package in busybox-static bash-static; do
  dpkg-deb -x "$package"_*.deb "/klp/$package"
  rm "$package"_*.deb
done
# Debian moved programs from /bin to /usr/bin in between.
find /klp/busybox-static /klp/bash-static -type f -path '*bin/*' -exec cp {} /klp/userland/bin/ \;
rm -rf /klp/busybox-static /klp/bash-static
dpkg --remove-architecture "$DEBIAN_ARCH" || true
apt-get clean
rm -rf /var/lib/apt/lists/*
