import { basename } from 'node:path';
import type { BootAssets, ModuleLoad } from '../verify/types.js';
import { verify } from '../verify/verify.js';
import type { Session } from './session.js';

/** One livepatch, the kernel it is booted with, and how it is tested. */
export interface Proof {
  assets: BootAssets;
  /** The .ko file; absent when only the selftests are to run. */
  livepatch?: string;
  /** Modules it is known to patch. */
  objects: string[];
  script?: string;
  moduleLoad: ModuleLoad | 'both';
  selftests: boolean;
  /** Seconds. */
  timeout: number;
  /** Where the whole text of the console goes. */
  logFile: string;
}

/** Boots the kernel and brings the session's document up to date: steps, findings, `verified` or not. */
export async function proveLivepatch(proof: Proof, session: Session, cacheDir: string): Promise<void> {
  const { known, signal, progress, timings } = session;
  const { livepatch, script } = proof;
  const found = await verify(
    {
      assets: proof.assets,
      cases:
        livepatch === undefined
          ? []
          : [
              {
                name: basename(livepatch, '.ko'),
                livepatch,
                objects: proof.objects,
                moduleLoad: proof.moduleLoad,
                ...(script === undefined ? {} : { testScript: script }),
              },
            ],
      selftests: proof.selftests,
      timeoutMs: proof.timeout * 1000,
      cacheDir,
      logFile: proof.logFile,
    },
    { signal, progress, timings },
  );
  known.verification = { ...found.verification, logFile: proof.logFile };
  known.findings.push(...found.findings);
  known.status = found.ok ? 'verified' : 'verification-failed';
}
