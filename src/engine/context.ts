import { availableParallelism } from 'node:os';
import { inParallel } from '../shared/parallel.js';
import type { Progress } from '../shared/progress.js';
import type { Finding } from '../shared/result.js';

/** What every stage of the engine gets along with its input. */
export interface EngineContext {
  progress: Progress;
  /** Milliseconds per stage; stages of several files add up, also when they ran side by side. */
  timings: Record<string, number>;
  /** What the user should know besides the result. */
  findings: Finding[];
  /** A folder for this run's intermediate files (absolute). */
  dir: string;
  signal?: AbortSignal;
}

/**
 * Works on items side by side. What each finds is told in the order of the items, and the same each time, whichever is
 * ready first; after an error, what the items up to the one that has it have found.
 * @param work gets a context of the item's own
 * @returns the results, in the order of the items
 * @throws the error of the first item that has one
 */
export async function onEach<T, R>(
  items: readonly T[],
  context: EngineContext,
  work: (item: T, context: EngineContext, index: number) => Promise<R>,
): Promise<R[]> {
  const found = items.map((): Finding[] => []);
  let end = items.length;
  try {
    return await inParallel(items, availableParallelism(), async (item, i) => {
      try {
        return await work(item, { ...context, findings: found[i] ?? [] }, i);
      } catch (error) {
        end = Math.min(end, i + 1);
        throw error;
      }
    });
  } finally {
    context.findings.push(...found.slice(0, end).flat());
  }
}
