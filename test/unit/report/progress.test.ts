import { describe, expect, it } from 'vitest';
import { plainView, terminalView, type Clock } from '../../../src/report/progress.js';
import { plainStyle } from '../../../src/report/style.js';
import type { ProgressEvent } from '../../../src/shared/progress.js';

/** A clock that stands still until it is told to tick. */
function stoppedClock(): Clock & { at: number; tick: () => void; running: boolean } {
  let listener: () => void = () => undefined;
  const clock = {
    at: 0,
    running: false,
    now: () => clock.at,
    every: (_ms: number, tick: () => void) => {
      listener = tick;
      clock.running = true;
      return () => {
        clock.running = false;
      };
    },
    tick: () => listener(),
  };
  return clock;
}

function collect(verbose = false): {
  clock: ReturnType<typeof stoppedClock>;
  text: () => string;
  options: Parameters<typeof plainView>[0];
} {
  let written = '';
  const clock = stoppedClock();
  const write = (text: string): void => {
    written += text;
  };
  return { clock, text: () => written, options: { write, style: plainStyle, verbose, clock } };
}

const start = (name: string, detail?: string): ProgressEvent => ({
  type: 'stage',
  name,
  state: 'start',
  ...(detail === undefined ? {} : { detail }),
});
const done = (name: string, ms: number): ProgressEvent => ({ type: 'stage', name, state: 'done', ms });

describe('plain lines', () => {
  it('has one line for each stage that ended, and no control characters', () => {
    const { options, text } = collect();
    const view = plainView(options);
    for (const event of [start('compile'), done('compile', 520), start('link')]) view.show(event);
    view.show({ type: 'stage', name: 'link', state: 'failed', ms: 1500, detail: 'x.o' });
    view.show({ type: 'note', text: 'mind this' });
    expect(text()).toBe('  ok    compile (520 ms)\n  FAIL  link: x.o (1.50 s)\n  note  mind this\n');
  });

  it('keeps the output of builds for --verbose', () => {
    for (const verbose of [false, true]) {
      const { options, text } = collect(verbose);
      const view = plainView(options);
      view.show(start('kernel'));
      view.show({ type: 'line', text: 'CC fs/inode.o' });
      expect(text().includes('CC fs/inode.o')).toBe(verbose);
    }
  });

  it('says what a long stage is at, and is silent when nothing runs', () => {
    const { options, clock, text } = collect();
    const view = plainView(options);
    clock.tick();
    expect(text()).toBe('');
    view.show(start('kernel', '6.12.107'));
    view.show({ type: 'line', text: 'CC fs/inode.o' });
    clock.at = 5_000;
    clock.tick();
    expect(text(), 'a stage that has just begun').toBe('');
    clock.at = 65_000;
    clock.tick();
    expect(text()).toBe('  …     kernel: 6.12.107 (1 min 05 s so far) | CC fs/inode.o\n');
    view.end();
    expect(clock.running).toBe(false);
  });

  it('keeps apart stages that run side by side', () => {
    const { options, clock, text } = collect();
    const view = plainView(options);
    for (const event of [start('one'), start('two'), done('one', 10)]) view.show(event);
    clock.at = 20_000;
    clock.tick();
    expect(text()).toContain('two (20.0 s so far)');
  });
});

describe('a terminal', () => {
  it('shows the running stage, its time and its last line in one live line cut to the width', () => {
    const { options, clock, text } = collect();
    const view = terminalView({ ...options, columns: () => 30 });
    view.show(start('kernel'));
    view.show({ type: 'line', text: '\u001b[31mCC\u001b[0m fs/ext4/a-rather-long-name.o' });
    clock.at = 2_000;
    clock.tick();
    const live = text().split('\r\u001b[2K').at(-1) ?? '';
    expect(live).toContain('kernel  2.00 s  CC fs/');
    expect(live.length).toBeLessThanOrEqual(30);
    expect(live).not.toContain('\u001b[31m');
  });

  it('keeps finished stages as lines and leaves an empty line at the end', () => {
    const { options, text } = collect();
    const view = terminalView({ ...options, columns: () => 80 });
    for (const event of [start('kernel'), done('kernel', 61_000)]) view.show(event);
    view.end();
    expect(text()).toContain('✔ kernel 1 min 01 s\n');
    expect(text().endsWith('\r\u001b[2K')).toBe(true);
  });
});
