#!/bin/bash
# Uses programs in the way of the kernel's selftests before 6.9.
. "$(dirname "$0")/functions.sh"
setup_config
saved=$(mktemp --tmpdir -t klp-dmesg-XXXXXX)
dmesg > "$saved"
modprobe --dry-run test_klp_livepatch || die "a module that is there is not found"
modprobe --dry-run no_such_module 2> /dev/null && die "a module that is not there is found"
set_ftrace_enabled 0
modprobe test_klp_livepatch 2>&1
set_ftrace_enabled 1
modinfo test_klp_livepatch | grep '^livepatch:'
dmesg | comm --nocheck-order -13 "$saved" - | grep -o 'kernel.ftrace_enabled = .'
