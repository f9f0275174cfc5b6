#!/bin/sh
# Assembles the files of a test boot from a kernel tree that may not be written to (boot.sh does so inside an image).
#
# In:  TREE          the kernel tree
#      KERNEL_IMAGE  path of the boot image in it
#      KLP_ARCH      the project's name of the architecture
#      LLVM          the number of the compiler's version
#      BOOT          folder for the result
# Out: kernel, modules/, busybox, bash, boot.json
set -eu
release=$(cat "$TREE/include/config/kernel.release")
modules=$BOOT/modules/lib/modules/$release
mkdir -p "$modules"
cp "$TREE/$KERNEL_IMAGE" "$BOOT/kernel"
cp /klp/userland/bin/busybox "$BOOT/busybox"
cp /klp/userland/bin/bash-static "$BOOT/bash"

# modules.order names X.o since Linux 6.3, X.ko before. Debug information would only fill the guest's memory.
sed 's/\.k\{0,1\}o$//' "$TREE/modules.order" | while IFS= read -r name; do
  mkdir -p "$modules/kernel/$(dirname "$name")"
  llvm-strip --strip-debug -o "$modules/kernel/$name.ko" "$TREE/$name.ko"
done
for file in modules.order modules.builtin modules.builtin.modinfo; do
  [ ! -f "$TREE/$file" ] || cp "$TREE/$file" "$modules/"
done
depmod -b "$BOOT/modules" "$release"

printf '{"release":"%s","arch":"%s","llvm":%s,"selftests":false}\n' "$release" "$KLP_ARCH" "$LLVM" >"$BOOT/boot.json"
chmod -R a+rX "$BOOT"
