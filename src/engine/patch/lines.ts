import { diffArrays } from 'diff';

/** A text as lines that keep their line ends; the last may lack its own. The empty text has no lines. */
export function splitLines(text: string): string[] {
  if (text === '') return [];
  const lines = text.split('\n');
  const last = lines.pop() ?? '';
  const ended = lines.map((line) => `${line}\n`);
  return last === '' ? ended : [...ended, last];
}

/** A part of a text that was replaced: lines [oldFrom, oldTo) became [newFrom, newTo), counted from 0. */
export interface Change {
  oldFrom: number;
  oldTo: number;
  newFrom: number;
  newTo: number;
}

/** More edits than this are not searched for the shortest sequence; the differing middle is one change. */
const maxEdits = 20_000;

/** What turns one list of lines into the other, in order, as few lines as possible. */
export function diffLines(before: readonly string[], after: readonly string[]): Change[] {
  const shorter = Math.min(before.length, after.length);
  let head = 0;
  while (head < shorter && before[head] === after[head]) head++;
  let tail = 0;
  while (tail < shorter - head && before[before.length - 1 - tail] === after[after.length - 1 - tail]) tail++;
  const [oldEnd, newEnd] = [before.length - tail, after.length - tail];
  if (head === oldEnd && head === newEnd) return [];
  const whole = [{ oldFrom: head, oldTo: oldEnd, newFrom: head, newTo: newEnd }];
  if (head === oldEnd || head === newEnd) return whole;
  const parts = diffArrays(before.slice(head, oldEnd), after.slice(head, newEnd), {
    maxEditLength: maxEdits,
  });
  if (!parts) return whole;

  const changes: Change[] = [];
  let [old, now] = [head, head];
  for (const part of parts) {
    const open = changes.at(-1);
    const extend = open !== undefined && open.oldTo === old && open.newTo === now;
    const oldTo = part.added ? old : old + part.value.length;
    const newTo = part.removed ? now : now + part.value.length;
    if (part.added || part.removed) {
      if (extend) Object.assign(open, { oldTo, newTo });
      else changes.push({ oldFrom: old, oldTo, newFrom: now, newTo });
    }
    [old, now] = [oldTo, newTo];
  }
  return changes;
}
