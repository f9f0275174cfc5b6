import type { Progress, ProgressEvent } from '../shared/progress.js';
import type { Style } from './style.js';
import { duration } from './units.js';

/** A way to show progress while a command runs. `end` leaves the screen ready for other text. */
export interface ProgressView {
  show: Progress;
  end: () => void;
}

/** Time that is told by the caller, so that tests decide it. Milliseconds, any origin. */
export interface Clock {
  now: () => number;
  /** Calls `tick` every `ms` milliseconds until the returned function is called. */
  every: (ms: number, tick: () => void) => () => void;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  every: (ms, tick) => {
    const timer = setInterval(tick, ms);
    timer.unref();
    return () => clearInterval(timer);
  },
};

export interface ViewOptions {
  write: (text: string) => void;
  style: Style;
  /** Show the lines that builds and compilers print. */
  verbose: boolean;
  clock: Clock;
}

/** Nothing at all: `--quiet`, and the default beside `--json` where stderr is no terminal. */
export const silentView: ProgressView = { show: () => undefined, end: () => undefined };

/** What a stage does, as one text: its name and what it works on. */
function label(event: Extract<ProgressEvent, { type: 'stage' }>): string {
  return event.detail === undefined ? event.name : `${event.name}: ${event.detail}`;
}

interface Running {
  label: string;
  since: number;
}

/** Takes the stage that ended out of those that run; stages may run side by side. */
function drop(running: Running[], ended: string): void {
  const at = running.findLastIndex((stage) => stage.label === ended);
  if (at >= 0) running.splice(at, 1);
}

/** Milliseconds without a word after which the plain view says what is going on. */
const heartbeatMs = 20_000;

/**
 * Plain lines, for logs and pipes: one line when a stage ends. A stage that lasts says so every 20 s, with the
 * last line that its build printed.
 */
export function plainView({ write, verbose, clock, style }: ViewOptions): ProgressView {
  const running: Running[] = [];
  let lastLine = '';
  const stop = clock.every(heartbeatMs, () => {
    const current = running.at(-1);
    if (current === undefined || clock.now() - current.since < heartbeatMs / 2) return;
    const latest = lastLine === '' ? '' : ` | ${lastLine}`;
    write(
      `${style.dim(`  …     ${current.label} (${duration(clock.now() - current.since)} so far)${latest}`)}\n`,
    );
  });
  return {
    show: (event) => {
      if (event.type === 'line') {
        lastLine = event.text.trim();
        if (verbose) write(`        ${event.text}\n`);
      } else if (event.type === 'note') {
        write(`  note  ${event.text}\n`);
      } else if (event.state === 'start') {
        running.push({ label: label(event), since: clock.now() });
        lastLine = '';
        if (verbose) write(`  start ${label(event)}\n`);
      } else {
        drop(running, label(event));
        const mark = event.state === 'done' ? style.green('  ok    ') : style.red('  FAIL  ');
        write(`${mark}${label(event)}${event.ms === undefined ? '' : ` (${duration(event.ms)})`}\n`);
      }
    },
    end: stop,
  };
}

const frames = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const frameMs = 100;
/** ECMA-48: to the first column, erase the line. */
const eraseLine = '\r\u001b[2K';

/**
 * A terminal: finished stages stay as lines, and one live line at the end shows the running stage, its time
 * and the last line that it printed.
 */
export function terminalView(options: ViewOptions & { columns: () => number }): ProgressView {
  const { write, style, verbose, clock } = options;
  const running: Running[] = [];
  let lastLine = '';
  let frame = 0;
  const draw = (): void => {
    const current = running.at(-1);
    if (current === undefined) return write(eraseLine);
    const text = ` ${current.label}  ${duration(clock.now() - current.since)}${lastLine === '' ? '' : `  ${lastLine}`}`;
    write(
      `${eraseLine}${style.cyan(frames[frame % frames.length] ?? '')}${cut(text, options.columns() - 2)}`,
    );
  };
  const permanent = (line: string): void => {
    write(`${eraseLine}${line}\n`);
    draw();
  };
  const stop = clock.every(frameMs, () => {
    frame++;
    draw();
  });
  return {
    show: (event) => {
      if (event.type === 'line') {
        lastLine = printable(event.text.trim());
        if (verbose) permanent(style.dim(`  ${printable(event.text)}`));
        else draw();
      } else if (event.type === 'note') {
        permanent(`${style.yellow('!')} ${event.text}`);
      } else if (event.state === 'start') {
        running.push({ label: label(event), since: clock.now() });
        lastLine = '';
        draw();
      } else {
        drop(running, label(event));
        lastLine = '';
        const mark = event.state === 'done' ? style.green('✔') : style.red('✖');
        permanent(
          `${mark} ${label(event)}${event.ms === undefined ? '' : ` ${style.dim(duration(event.ms))}`}`,
        );
      }
    },
    end: () => {
      stop();
      write(eraseLine);
    },
  };
}

/** Without control characters, so that a build's output cannot move the cursor. */
function printable(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replaceAll('\t', ' ').replace(/\u001b\[[0-9;?]*[A-Za-z]|[\u0000-\u001f\u007f]/g, '');
}

function cut(text: string, columns: number): string {
  const points = [...text];
  return points.length <= columns ? text : `${points.slice(0, Math.max(0, columns - 1)).join('')}…`;
}
