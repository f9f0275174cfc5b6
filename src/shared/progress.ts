/**
 * What long work says while it runs. The engine prints these as JSON lines on stderr inside a container;
 * the controller reads them there and hands them to whichever report the user sees.
 */
export type ProgressEvent =
  | { type: 'stage'; name: string; state: 'start' | 'done' | 'failed'; ms?: number; detail?: string }
  | { type: 'line'; text: string }
  | { type: 'note'; text: string };

export type Progress = (event: ProgressEvent) => void;

/** Runs one stage, says when it starts and ends, and adds its time (ms) to `timings`. */
export async function stage<T>(
  name: string,
  context: { progress: Progress; timings: Record<string, number> },
  work: () => Promise<T>,
  detail?: string,
): Promise<T> {
  const { progress, timings } = context;
  const extra = detail === undefined ? {} : { detail };
  progress({ type: 'stage', name, state: 'start', ...extra });
  const started = performance.now();
  try {
    const value = await work();
    const ms = performance.now() - started;
    timings[name] = Math.round((timings[name] ?? 0) + ms);
    progress({ type: 'stage', name, state: 'done', ms, ...extra });
    return value;
  } catch (error) {
    progress({ type: 'stage', name, state: 'failed', ms: performance.now() - started, ...extra });
    throw error;
  }
}
