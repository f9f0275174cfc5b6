import type { ModuleBuild } from '../../shared/result.js';

/** What the script of a package knows of its livepatch. */
export interface ScriptFacts {
  /** The .ko beside the script. */
  file: string;
  module: string;
  release: string;
  /** GNU build id of the kernel that it was made for, hex; empty when that has none. */
  kernelBuildId: string;
  /** Modules that it patches or whose symbols it uses. */
  modules: readonly ModuleBuild[];
  /** Hex. */
  sha256: string;
  /** GNU build id of the module, hex; empty when it has none. */
  buildId: string;
}

/**
 * The `livepatch` script of a package: POSIX sh, nothing but the usual tools of a rescue system.
 * It looks at /sys/kernel/livepatch (Documentation/ABI/testing/sysfs-kernel-livepatch) and at the build id notes that
 * the kernel shows of itself and of loaded modules.
 */
export function livepatchScript(facts: ScriptFacts): string {
  const values = { file: facts.file, module: facts.module, release: facts.release, sha256: facts.sha256 };
  const modules = facts.modules.map(({ name, buildId }) => `${name} ${buildId}`).join(' ');
  const builds = { build_id: facts.buildId, kernel_build_id: facts.kernelBuildId, modules };
  const assignments = Object.entries({ ...values, ...builds }).map(
    ([name, value]) => `${name}='${value.replaceAll("'", `'\\''`)}'`,
  );
  return `#!/bin/sh\n${assignments.join('\n')}\n${body}`;
}

const body = String.raw`
# Applies, checks or reverts this livepatch.
# Exit codes: 0 done (check: loaded, enabled, and the one of this package), 1 failed, 2 usage,
# 3 refused, or (check) the kernel or a module is of another build than it was made for,
# 4 (check) not loaded or not enabled, 5 (check) another module is loaded under this name.
# LIVEPATCH_TIMEOUT: seconds to wait for a transition (60). LIVEPATCH_SYS, LIVEPATCH_PROC: where sysfs and procfs are.
set -u
# Through a symbolic link too, the module lies beside the script itself.
self=$(readlink -f "$0" 2>/dev/null) || self=$0
here=$(cd "$(dirname "$self")" && pwd)
sys=$LIVEPATCH_SYS_DEFAULT
proc=$LIVEPATCH_PROC_DEFAULT
limit=$LIVEPATCH_TIMEOUT_DEFAULT
patch=$sys/kernel/livepatch/$module
compare='klp-docker check tells from files whether it fits'

say() { printf '%s: %s\n' "$module" "$1"; }
fail() { printf '%s: %s\n' "$module" "$1" >&2; exit "$2"; }

loaded() { [ -d "$sys/module/$module" ]; }
value() { cat "$1" 2>/dev/null || echo none; }

# The GNU build id among the ELF notes in a file, in hex: 20 bytes behind the sizes of name and content, type 3, the name.
build_id_in() {
  od -An -v -tx1 "$1" 2>/dev/null | tr -d ' \n' |
    sed -n 's/.*040000001400000003000000474e5500//p' | cut -c 1-40
}

same() { [ -z "$build_id" ] || [ "$(build_id_in "$sys/module/$module/notes/.note.gnu.build-id")" = "$build_id" ]; }

# Whether WHAT is the very build, ID, that this was made for, by the notes in FILE: another one may have the same release
# and names, and other code.
need_build() {
  running=$(build_id_in "$2")
  [ -n "$running" ] || fail "cannot read the build id of $1 ($2, by od and sed); $compare" 3
  [ "$running" = "$3" ] || fail "made for another build of $1: its build id is $3, here it is $running" 3
}

need_builds() {
  if [ -n "$kernel_build_id" ]; then need_build "kernel $release" "$sys/kernel/notes" "$kernel_build_id"
  else say 'not compared: the kernel that it was made for has no build id'; fi
  set -- $modules
  while [ $# -gt 1 ]; do
    if [ -d "$sys/module/$1" ]; then need_build "module $1" "$sys/module/$1/notes/.note.gnu.build-id" "$2"
    else say "not compared: module $1, which is not loaded yet; made for its build $2"; fi
    shift 2
  done
}

need_file() {
  [ -f "$here/$file" ] || fail "$file is not beside this script, in $here" "$1"
  sum=$(sha256sum "$here/$file" 2>/dev/null | cut -d ' ' -f 1)
  [ "$sum" = "$sha256" ] || fail "$file is not the file that was packaged (sha256 differs)" "$1"
}

need_root() { [ "$(id -u)" = 0 ] || fail 'this needs root' 3; }

# Waits until the command given succeeds; fails after the time limit.
wait_for() {
  waited=0
  until "$@"; do
    [ "$waited" -ge "$limit" ] && return 1
    sleep 1
    waited=$((waited + 1))
  done
}

settled() { [ "$(value "$patch/transition")" = 0 ]; }
gone() { [ ! -d "$patch" ]; }
unload() { rmmod "$module" 2>/dev/null || ! loaded; }

# Tasks whose state is not yet the wanted one hold a transition up; each thread of a process is one.
report_tasks() {
  for state in "$proc"/[0-9]*/task/[0-9]*/patch_state; do
    now=$(value "$state")
    [ "$now" = "$1" ] || [ "$now" = -1 ] || [ "$now" = none ] && continue
    task=$(dirname "$state")
    printf '%s: held up by task %s (%s)\n' "$module" "$(basename "$task")" "$(value "$task/comm")" >&2
  done
}

apply() {
  need_root
  [ "$(uname -r)" = "$release" ] || fail "made for kernel $release, this is $(uname -r)" 3
  need_builds
  need_file 3
  if loaded; then
    same || fail 'another module of this name is loaded; revert it first' 3
    [ -d "$patch" ] || fail 'loaded, but disabled or replaced by another livepatch; revert it first' 3
    if [ "$(value "$patch/enabled")" != 1 ]; then
      echo 1 > "$patch/enabled" || fail 'the kernel does not enable it again (see dmesg)' 1
    fi
  else
    insmod "$here/$file" || fail 'the kernel does not load it (see dmesg)' 1
  fi
  if ! wait_for settled; then
    report_tasks 1
    fail "the transition is not over after $limit s; it goes on, or take it back with: $0 revert" 1
  fi
  [ "$(value "$patch/enabled")" = 1 ] || fail 'it is not enabled' 1
  say 'applied'
}

check() {
  need_file 1
  # Before anything else: where it does not belong, that it is not loaded is no news.
  need_builds
  loaded || fail 'not loaded' 4
  same || fail 'another module of this name is loaded' 5
  [ "$(value "$patch/enabled")" = 1 ] || fail 'loaded, not enabled' 4
  settled || fail 'loaded, in transition' 4
  say 'applied, and the one of this package'
}

revert() {
  need_root
  loaded || { say 'not loaded'; return; }
  if [ "$(value "$patch/enabled")" = 1 ]; then
    echo 0 > "$patch/enabled" || fail 'the kernel does not disable it (see dmesg)' 1
  fi
  if ! wait_for gone; then
    report_tasks 0
    fail "the transition is not over after $limit s; it goes on, run this again later" 1
  fi
  wait_for unload || fail 'it is disabled, but cannot be unloaded' 1
  say 'reverted'
}

status() {
  say "made for kernel $release, sha256 $sha256"
  loaded || { say 'not loaded'; return; }
  same && say 'loaded' || say 'another module of this name is loaded'
  say "enabled: $(value "$patch/enabled"), transition: $(value "$patch/transition")"
}

case "$#:$1" in
  1:apply | 1:check | 1:revert | 1:status) "$1" ;;
  *) printf 'usage: %s apply|check|revert|status\n' "$0" >&2; exit 2 ;;
esac
`
  // A brace after a dollar would be the template's, not the shell's.
  .replace('$LIVEPATCH_SYS_DEFAULT', '$' + '{LIVEPATCH_SYS:-/sys}')
  .replace('$LIVEPATCH_PROC_DEFAULT', '$' + '{LIVEPATCH_PROC:-/proc}')
  .replace('$LIVEPATCH_TIMEOUT_DEFAULT', '$' + '{LIVEPATCH_TIMEOUT:-60}')
  .replace('"$#:$1"', '"$#:$' + '{1:-}"');
