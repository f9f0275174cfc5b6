const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export interface Interrupt {
  signal: AbortSignal;
  /** Lets go of the signals, so that they do again what they do by default. */
  release: () => void;
}

/**
 * Turns Ctrl-C, SIGTERM and SIGHUP into an AbortSignal. Cleaning up is the work's own part: it sees the signal,
 * removes what it made and throws `interrupted`. Later signals do not cut that short; they are answered with a
 * word, and only the fourth ends the process at once, for the case that cleaning up itself hangs.
 */
export function listenForInterrupt(say: (text: string) => void): Interrupt {
  const controller = new AbortController();
  let received = 0;
  const onSignal = (name: NodeJS.Signals): void => {
    received++;
    if (received === 1) {
      say(`\n${name}: cleaning up …\n`);
      controller.abort();
    } else if (received < 4) {
      say(`still cleaning up; ${4 - received} more ${name === 'SIGINT' ? 'Ctrl-C' : name} to give that up\n`);
    } else {
      process.exit(130);
    }
  };
  for (const name of signals) process.on(name, onSignal);
  return {
    signal: controller.signal,
    release: () => {
      for (const name of signals) process.off(name, onSignal);
    },
  };
}
