#!/bin/sh
# Builds the kernel and its modules in /usr/src/linux, where everything is kept: objects, .cmd files, vmlinux.
#
# In:  ARCH, LLVM   as the kernel's make takes them
#      TARGET       the make target of the boot image
set -eu
cd /usr/src/linux
# What the kernel writes into itself about its build must not differ between two builds.
export KBUILD_BUILD_TIMESTAMP='1970-01-01' KBUILD_BUILD_USER=klp KBUILD_BUILD_HOST=klp
make -j"$(nproc)" "$TARGET" modules
