import type { Graph } from '../../shared/graph.js';
import type { Finding } from '../../shared/result.js';

/** Headers that modules from outside the kernel's tree are compiled with. */
const publicHeader = /^(?:arch\/[^/]+\/)?include\//;

/**
 * What becomes of the fix of a header where no build record tells: modules from outside the kernel's tree have what the
 * header defines inlined as it was.
 */
export function headerFindings(touched: Graph['touched']): Finding[] {
  const inlined = touched.filter(
    ({ kind, outcome, source }) =>
      kind !== 'place' && ['inlined', 'referred'].includes(outcome) && publicHeader.test(source.file),
  );
  return [...new Set(inlined.map(({ source }) => source.file))].map((file) => {
    const names = inlined.filter(({ source }) => source.file === file).map(({ name }) => name);
    return {
      code: 'other-modules-unfixed',
      severity: 'note',
      message: `modules from outside this kernel's tree that use ${names.join(', ')} go on with the old code until they are built again`,
      file,
    };
  });
}
