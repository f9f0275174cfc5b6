#!/bin/sh
# Writes /usr/src/linux/.config and refuses one in which a livepatch could not work.
#
# In:  CONFIG       tiny | defconfig | file (then /klp/kernel.config is the user's)
#      ARCH, LLVM   as the kernel's make takes them
#      FRAGMENTS    arch-specific files of /klp/config, separated by blanks
set -eu
cd /usr/src/linux
fragments=/klp/config

# The kernel's own word on the oldest compiler that it takes.
if [ -f scripts/min-tool-version.sh ]; then
  least=$(SRCARCH=$ARCH sh scripts/min-tool-version.sh llvm)
  llvm=${LLVM#-}
  if [ "$llvm" -lt "${least%%.*}" ]; then
    echo "klp-docker: llvm-does-not-fit: Linux $(make -s kernelversion) needs LLVM $least or newer, not $llvm" >&2
    exit 3
  fi
fi

case $CONFIG in
tiny)
  make -s tinyconfig
  set -- livepatch.config verify.config tiny.config
  ;;
defconfig)
  make -s defconfig
  set -- livepatch.config verify.config
  ;;
file)
  cp /klp/kernel.config .config
  set --
  ;;
*)
  echo "klp-docker: internal: unknown config '$CONFIG'" >&2
  exit 1
  ;;
esac

if [ $# -gt 0 ]; then
  # The last word on an option wins: olddefconfig reads the file from top to bottom.
  for name in "$@" $FRAGMENTS; do cat "$fragments/$name"; done >/klp/wanted
  sed -n 's/^\(# \)\{0,1\}\(CONFIG_[A-Za-z0-9_]*\)[= ].*/\2/p' /klp/wanted | sort -u >/klp/names
  awk 'NR == FNR { drop[$1] = 1; next }
       { name = $0; sub(/^# /, "", name); sub(/[= ].*/, "", name); if (!(name in drop)) print }' \
    /klp/names .config >/klp/kept
  cat /klp/kept /klp/wanted >.config
fi
make -s olddefconfig

# What Kconfig files say an option depends on, on one line.
depends() {
  find . -name 'Kconfig*' -type f -exec awk -v want="$1" '
    FNR == 1 { inside = 0 }
    /^(menu)?config[ \t]/ { inside = ($2 == want); next }
    /^(choice|endchoice|menu|endmenu|if|endif|source|comment)/ { inside = 0 }
    inside && /^[ \t]+depends on/ { sub(/^[ \t]+depends on[ \t]+/, ""); printf "%s; ", $0 }' {} +
}

# Prints the options of fragment $1 that .config no longer has as asked.
lost() {
  while IFS= read -r line; do
    case $line in
    CONFIG_*=*) grep -qxF "$line" .config || echo "${line%%=*}" ;;
    '# CONFIG_'*' is not set')
      name=${line#\# }
      name=${name%% *}
      ! grep -q "^$name=" .config || echo "$name"
      ;;
    esac
  done <"$fragments/$1"
}

missing=$(lost livepatch.config)
if [ -n "$missing" ]; then
  for name in $missing; do
    needs=$(depends "${name#CONFIG_}")
    echo "klp-docker: config-lost-option: $name${needs:+ (depends on: ${needs%; })}" >&2
  done
  exit 3
fi
# Options that were renamed are listed under both names; only what this kernel has and lost is worth a word.
for name in verify.config $FRAGMENTS; do
  for option in $(lost "$name"); do
    if grep -rqE --include='Kconfig*' "^(menu)?config ${option#CONFIG_}\$" .; then
      echo "klp-docker: note: $option of $name is off in this kernel"
    fi
  done
done
