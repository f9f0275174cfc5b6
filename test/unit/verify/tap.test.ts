import { Parser } from 'tap-parser';
import { expect, it } from 'vitest';
import { selftestsTap } from '../../../src/verify/tap.js';

it('the selftests as TAP are read back by a parser of TAP', () => {
  const tap = selftestsTap([
    { name: 'test-a.sh', ok: true, skipped: false, output: 'TEST: one ... ok\nok 7 not a result' },
    { name: 'test-b.sh', ok: false, skipped: true, output: '' },
    { name: 'test-#c.sh', ok: false, skipped: false, output: '1..9' },
  ]);
  const results: unknown[] = [];
  const parser = new Parser({}, (final) => results.push(final));
  parser.on('assert', ({ ok, id, name, skip }: { ok: boolean; id: number; name: string; skip: unknown }) =>
    results.push({ ok, id, name, skipped: skip !== false }),
  );
  parser.end(tap);
  expect(results.slice(0, 3)).toEqual([
    { ok: true, id: 1, name: 'selftests: livepatch: test-a.sh', skipped: false },
    { ok: true, id: 2, name: 'selftests: livepatch: test-b.sh', skipped: true },
    { ok: false, id: 3, name: 'selftests: livepatch: test-c.sh', skipped: false },
  ]);
  expect(results[3]).toMatchObject({
    ok: false,
    count: 3,
    pass: 2,
    fail: 1,
    skip: 1,
    plan: { start: 1, end: 3 },
  });
});
