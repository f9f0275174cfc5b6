import type { Finding } from '../../shared/result.js';
import type { IrFunction, IrModule } from '../ir/module.js';
import { bareName } from '../ir/text.js';
import type { PatchedFile } from '../types.js';
import { placeOf, type ComparedUnit } from './interface.js';

/** What starts a kernel thread, with the thread's function as the first argument (include/linux/kthread.h, sched/task.h). */
const started =
  /@(?:kthread_create_on_node|kthread_create_on_cpu|kernel_thread|user_mode_thread)\([^@,]*(@(?:[-\w$.]+|"[^"]*"))/g;
/** What the loop of a thread asks (include/linux/kthread.h). */
const asksToStop = /@(?:kthread_should_stop|kthread_freezable_should_stop|kthread_should_stop_or_park)\(/;
/** Every task that sleeps is in it (kernel/sched/core.c), kernel threads also when they are woken for the transition. */
const sleepsIn = new Set(['schedule']);

/**
 * Forecasts transitions that do not end: a task goes over to the livepatch when no function that is replaced is on its
 * stack (Documentation/livepatch/livepatch.rst, "Consistency model"), and there are functions that tasks do not leave.
 */
export function stallFindings(
  { unit, original, diff }: Pick<ComparedUnit, 'unit' | 'original' | 'diff'>,
  files: readonly PatchedFile[],
): Finding[] {
  return [...diff.changed].flatMap((name): Finding[] => {
    const old = original.globals.get(diff.originalOf.get(name) ?? name);
    const why = old?.kind === 'function' && !old.declared ? whyItStays(old, original) : undefined;
    if (why === undefined) return [];
    return [
      {
        code: 'transition-may-stall',
        severity: 'warning',
        message: `${name} ${why}: a task that is in it keeps the transition from ending`,
        ...placeOf(unit, files, name),
      },
    ];
  });
}

function whyItStays(f: IrFunction, module: IrModule): string | undefined {
  if (sleepsIn.has(f.name)) return 'is where tasks sleep';
  if (!/^ {2}ret /m.test(f.body) && hasLoop(f.body)) return 'never returns';
  if (asksToStop.test(f.body)) return 'is the loop of a kernel thread, which returns when the thread ends';
  const isThread = [...module.globals.values()].some(
    (g) =>
      g.kind === 'function' &&
      [...g.body.matchAll(started)].some(([, main = '']) => bareName(main) === f.name),
  );
  return isThread ? 'is the main function of a kernel thread, which returns when the thread ends' : undefined;
}

/** Does control come back to a block? (LLVM Language Reference, "Terminator Instructions": blocks are named by labels.) */
function hasLoop(body: string): boolean {
  const successors = new Map<string, string[]>();
  let block = '';
  for (const line of body.split('\n')) {
    block = /^([-\w$.]+|"[^"]*"):/.exec(line)?.[1] ?? block;
    const targets = [...line.matchAll(/\blabel %([-\w$.]+|"[^"]*")/g)].map((match) => match[1] ?? '');
    successors.set(block, [...(successors.get(block) ?? []), ...targets]);
  }
  const done = new Set<string>();
  for (const start of successors.keys()) {
    const [open, seen] = [[...(successors.get(start) ?? [])], new Set<string>()];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      if (next === start) return true;
      if (seen.has(next) || done.has(next)) continue;
      seen.add(next);
      open.push(...(successors.get(next) ?? []));
    }
    done.add(start);
  }
  return false;
}
