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
