import type { Code } from '../shared/codes.js';
import { damageTaint, endsBlock, isConsequence, markLine } from './dmesg.js';

/** Lines of one kernel report that go into the result. */
const blockLines = 60;

export interface LogWatch {
  /** Takes a line of the kernel log. `quiet` leaves the livepatch core's own messages alone. */
  line: (text: string, quiet: boolean) => void;
  /** Takes the value of /proc/sys/kernel/tainted. */
  taint: (value: number) => void;
  /** A new piece of work begins: reports do not reach over, and taint is compared from here on. */
  restart: () => void;
}

/**
 * Watches the kernel log for complaints.
 * @param keep gets each line that belongs to one
 * @param find gets each complaint once, by its first line
 */
export function watchLog(
  keep: (line: string) => void,
  find: (code: Code, text: string, severity: 'error' | 'warning') => void,
): LogWatch {
  let block = 0;
  let tainted: number | undefined;
  let complaints = 0;
  return {
    line: (text, quiet) => {
      const inBlock = block > 0;
      if (inBlock) {
        keep(text);
        block = endsBlock(text) ? 0 : block - 1;
      }
      const mark = markLine(text);
      if (mark === undefined || (quiet && mark.code === 'livepatch-message')) return;
      if (!inBlock) keep(text);
      if (mark.block) block = blockLines;
      // The lines of a report repeat its complaint in other words; a panic of its own says more.
      if (isConsequence(text) || (inBlock && mark.code !== 'kernel-panic')) return;
      complaints += 1;
      find(mark.code, text, mark.severity);
    },
    taint: (value) => {
      const fresh = tainted === undefined ? 0 : value & ~tainted & damageTaint;
      tainted = value;
      if (fresh !== 0 && complaints === 0) {
        find('kernel-warning', `the kernel marked itself as tainted (new bits: ${fresh})`, 'error');
      }
    },
    restart: () => {
      block = 0;
      tainted = undefined;
      complaints = 0;
    },
  };
}
