/** One line of the guest's console, told apart. */
export type ConsoleLine =
  /** A record of the protocol (images/guest/protocol.sh): `verb` and the words after it. */
  | { kind: 'protocol'; at: number | undefined; verb: string; rest: string }
  /** The kernel's own. `at`: seconds since boot. */
  | { kind: 'kernel'; at: number; text: string }
  /** Without a time stamp: firmware, or what a program wrote to the console itself. */
  | { kind: 'other'; text: string };

/** A printk time stamp, and the caller that CONFIG_PRINTK_CALLER adds. */
const stamp = /^\[\s*(\d+\.\d+)\](?:\[\s*[TC]\d+\])? ?/;

/**
 * Tells protocol, kernel log and the rest apart. The token is looked for anywhere in a line: what a program
 * writes to the console without a newline stands in front of the next record.
 */
export function parseConsoleLine(token: string, line: string): ConsoleLine {
  const marker = `@${token} `;
  const found = line.indexOf(marker);
  if (found >= 0) {
    const before = /\[\s*(\d+\.\d+)\](?:\[\s*[TC]\d+\])? ?$/.exec(line.slice(0, found));
    const words = line.slice(found + marker.length);
    const space = words.indexOf(' ');
    return {
      kind: 'protocol',
      at: before?.[1] === undefined ? undefined : Number(before[1]),
      verb: space < 0 ? words : words.slice(0, space),
      rest: space < 0 ? '' : words.slice(space + 1),
    };
  }
  const stamped = stamp.exec(line);
  if (stamped?.[1] === undefined) return { kind: 'other', text: line };
  return { kind: 'kernel', at: Number(stamped[1]), text: line.slice(stamped[0].length) };
}
