import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const entry = fileURLToPath(new URL('../../../bin/klp-docker.js', import.meta.url));

/** Runs the program in a shell that sends its streams elsewhere; `$0` is node, `$1` the program. */
function redirected(script: string): { status: number | null; stderr: string } {
  return spawnSync('sh', ['-c', script, process.execPath, entry], { encoding: 'utf8' });
}

describe.skipIf(!existsSync('/dev/full'))('a full disk', () => {
  it.each(['explain', 'explain --json', '--help'])('under the result of %s is told in one line', (args) => {
    const { status, stderr } = redirected(`"$0" "$1" ${args} >/dev/full`);
    expect(status).toBe(5);
    expect(stderr).toMatch(/^error: standard output cannot be written: ENOSPC.*\n$/);
  });

  it('under the messages leaves the exit code as it is', () => {
    expect(redirected('"$0" "$1" no-such-verb 2>/dev/full').status).toBe(2);
    expect(redirected('"$0" "$1" explain 2>/dev/full >/dev/null').status).toBe(0);
  });
});
