#!/bin/sh
# Assembles /opt/klp-docker/boot: all that a test boot of this kernel needs.
#
# In:  ARCH, LLVM    as the kernel's make takes them
#      KLP_ARCH      the project's name of the architecture
#      KERNEL_IMAGE  path of the boot image in the kernel tree
#      TRIPLE        the architecture's GNU name, for programs of user space
# Out: kernel, modules/, busybox, bash, selftests/, boot.json
set -eu
cd /usr/src/linux
boot=/opt/klp-docker/boot
mkdir -p "$boot/selftests/modules"

cp "$KERNEL_IMAGE" "$boot/kernel"
make -s INSTALL_MOD_PATH="$boot/modules" DEPMOD=/sbin/depmod modules_install >/dev/null
release=$(cat include/config/kernel.release)
rm -f "$boot/modules/lib/modules/$release/build" "$boot/modules/lib/modules/$release/source"
cp /klp/userland/bin/busybox "$boot/busybox"
cp /klp/userland/bin/bash-static "$boot/bash"

# The kernel's own livepatch tests: their modules moved from lib/livepatch into the selftests' folder in 6.9.
tests=tools/testing/selftests/livepatch
selftests=false
if [ -d $tests ]; then
  cp $tests/*.sh "$boot/selftests/"
  for file in $tests/settings $tests/config; do [ ! -f "$file" ] || cp "$file" "$boot/selftests/"; done
  if [ -d $tests/test_modules ]; then
    cp -r $tests/test_modules /klp/test_modules
    make -s -j"$(nproc)" M=/klp/test_modules modules
    cp /klp/test_modules/*.ko "$boot/selftests/modules/"
    selftests=true
  elif ls lib/livepatch/*.ko >/dev/null 2>&1; then
    cp lib/livepatch/*.ko "$boot/selftests/modules/"
    selftests=true
  fi
  for source in $tests/*.c; do
    [ ! -f "$source" ] || "clang$LLVM" "--target=$TRIPLE" -O2 -static -pthread -fuse-ld=lld \
      -o "$boot/selftests/$(basename "$source" .c)" "$source"
  done
fi

llvm=${LLVM#-}
printf '{"release":"%s","arch":"%s","llvm":%s,"selftests":%s}\n' "$release" "$KLP_ARCH" "$llvm" "$selftests" \
  >"$boot/boot.json"
chmod -R a+rX "$boot"
