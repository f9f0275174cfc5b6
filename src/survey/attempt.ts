import { codes, type Code } from '../shared/codes.js';
import { isCode } from '../shared/outcome.js';
import type { Finding, Reach, ResultDocument, SurveyedItem } from '../shared/result.js';
import type { Companions } from './companions.js';
import { missingOf } from './missing.js';
import type { FilePart, SurveyItem } from './types.js';

/** Attempts with ever more items, and items of one attempt: what needs more is no single fix any more. */
const mostAttempts = 6;
const mostTogether = 40;

export interface Attempting {
  companions: Companions;
  /** What the kernel's build made of a file; undefined for one that was not asked for. */
  reach: (path: string) => Reach | undefined;
  /** What the engine says of an item alone: asked once, however many others need the item. */
  alone: (item: SurveyItem) => Promise<ResultDocument>;
  /** Makes a livepatch of the patches, in this order. Never throws for what is wrong with them. */
  generate: (patches: readonly ItemPatch[]) => Promise<ResultDocument>;
  /** Why another item makes no livepatch alone; undefined when it does, or when that is not found out here. */
  wrongAlone: (item: SurveyItem) => Promise<Reason | undefined>;
  /** Puts items into the order in which they were made. */
  inOrder: (items: readonly SurveyItem[]) => SurveyItem[];
}

/** An item's patch, without the parts that are not of this kernel. */
export interface ItemPatch {
  name: string;
  text: string;
}

export type Reason = Pick<Finding, 'code' | 'message' | 'file' | 'line'>;

/** What is wrong with an item, whatever else it is that it goes with. */
const staysWrong: ReadonlySet<string> = new Set<Code>([
  'struct-layout-changed',
  'enumerators-renumbered',
  'assembly-changed',
  'object-not-livepatchable',
  'item-timeout',
]);

/** What came of an item, and the engine's document of the last attempt, if the engine was asked. */
export interface Attempted {
  entry: Omit<SurveyedItem, 'folder' | 'module' | 'ms'>;
  result?: ResultDocument;
  /** False when other items of the survey were looked at on the way. */
  alone: boolean;
}

/**
 * Tries to make a livepatch of an item: alone, then with the headers that moved with it, then with the other files
 * that must go with it, as long as each attempt names something that an item of the survey brings.
 */
export async function attempt(item: SurveyItem, by: Attempting): Promise<Attempted> {
  const entry = blank(item);
  const [kept, left] = partition(item, by);
  entry.leftOut = left.map(({ path }) => path);
  if (kept.length === 0) {
    const why = left.map(({ path }) => by.reach(path)).find((reach) => reach?.message !== undefined);
    const what = left.length === 1 ? (left[0]?.path ?? '') : 'any of the files';
    return {
      alone: true,
      entry: {
        ...entry,
        leftOut: [],
        outcome: 'not-in-config',
        code: why?.code ?? 'not-built',
        message: why?.message ?? `no object of this kernel reads ${what}`,
      },
    };
  }
  let together: SurveyItem[] = [item];
  let first: ResultDocument | undefined;
  for (;;) {
    const result =
      together.length === 1
        ? await by.alone(item)
        : await by.generate(by.inOrder(together).flatMap((one) => patchOf(one, by)));
    first ??= result;
    entry.with = by.inOrder(together).flatMap((one) => (one === item ? [] : [one.name]));
    const alone = entry.attempts.length === 0;
    const done = (): Attempted => {
      if (alone || !blames(result, item, together))
        return { entry: { ...entry, ...outcomeOf(result) }, result, alone };
      // What is wrong with the others says nothing of the item.
      const attempts = [...entry.attempts, triedWith(entry.with, result)];
      return {
        entry: { ...entry, ...outcomeOf(first ?? result), with: [], attempts },
        result: first ?? result,
        alone,
      };
    };
    if (result.status === 'livepatch') return done();
    const more = companionsOf(result, together, item, by);
    if (more.length === 0 || entry.attempts.length + 1 >= mostAttempts) return done();
    if (together.length + more.length > mostTogether) return done();
    entry.attempts.push(triedWith(entry.with, result));
    const { usable, wrong } = await withoutWrong(more, by);
    if (usable.length === 0 && wrong !== undefined) {
      const { item: needed, ...said } = wrong;
      return { alone: false, entry: { ...entry, ...said, with: [...entry.with, needed] }, result };
    }
    together = [...together, ...usable];
  }
}

function triedWith(others: string[], result: ResultDocument): SurveyedItem['attempts'][number] {
  const { code, message } = reasonOf(result);
  return { with: others, code, message };
}

/** Does the reason concern an item's companions alone: the patch of one, or a file that only they change? */
function blames(result: ResultDocument, item: SurveyItem, together: readonly SurveyItem[]): boolean {
  const { code, file } = reasonOf(result);
  const others = together.filter((one) => one !== item);
  if (code === 'patch-does-not-apply') return others.some(({ id }) => file === `${id}.patch`);
  if (code !== 'does-not-compile') return false;
  const changes = ({ parts }: SurveyItem): boolean => parts.some(({ path }) => path === file);
  return !changes(item) && others.some(changes);
}

interface Checked {
  /** The items that may go with another. */
  usable: SurveyItem[];
  /** What is to be said when none may. */
  wrong: (Reason & Pick<SurveyedItem, 'outcome'> & { item: string }) | undefined;
}

/**
 * Leaves out items that come to nothing alone. Where some do not, those that are refused stay: one item of a survey may
 * repair what another does.
 */
async function withoutWrong(
  items: readonly SurveyItem[],
  by: Pick<Attempting, 'wrongAlone'>,
): Promise<Checked> {
  const usable: SurveyItem[] = [];
  const refused: SurveyItem[] = [];
  let wrong: Checked['wrong'];
  for (const one of items) {
    const reason = await by.wrongAlone(one);
    if (reason === undefined || !staysWrong.has(reason.code)) {
      usable.push(one);
      continue;
    }
    const outcome = codes[reason.code as Code].kind === 'refused' ? 'refused' : 'error';
    if (outcome === 'refused') refused.push(one);
    wrong ??= { ...reason, message: `with ${one.name}: ${reason.message}`, outcome, item: one.name };
  }
  return {
    usable: usable.length === 0 ? [] : items.filter((one) => [...usable, ...refused].includes(one)),
    wrong,
  };
}

/** The patch of an item for this kernel; none when no part of it is of this kernel. */
export function patchOf(item: SurveyItem, by: Pick<Attempting, 'reach'>): ItemPatch[] {
  const text = partition(item, by)[0]
    .map((part) => part.text)
    .join('');
  return text === '' ? [] : [{ name: `${item.id}.patch`, text }];
}

function blank(item: SurveyItem): Attempted['entry'] {
  const { name, id, parts } = item;
  return {
    ...{ name, id, files: parts.map(({ path }) => path), outcome: 'error' },
    ...{ with: [], attempts: [], leftOut: [], functions: 0, touched: 0 },
  };
}

/**
 * The parts of an item that this kernel contains, and those that it does not. What no object reads is left to the
 * engine unless it is known to be no part of this kernel: it may be documentation, or a Makefile that decides what is
 * built.
 */
function partition(item: SurveyItem, by: Pick<Attempting, 'reach'>): [kept: FilePart[], left: FilePart[]] {
  const isLeft = (part: FilePart): boolean => {
    const reach = by.reach(part.path);
    if (reach === undefined || reach.objects > 0) return false;
    // A new header is read by what the same change makes read it; a new C file needs a new object.
    const isRead = part.path.endsWith('.h') && reach.code !== undefined && reach.code !== 'not-built';
    return !part.added && !isRead && (part.path.endsWith('.h') || reach.code === 'not-built');
  };
  return [item.parts.filter((part) => !isLeft(part)), item.parts.filter(isLeft)];
}

function companionsOf(
  result: ResultDocument,
  together: readonly SurveyItem[],
  item: SurveyItem,
  by: Attempting,
): SurveyItem[] {
  const missing = missingOf(result);
  if (result.findings.some(({ code, severity }) => code === 'patch-does-not-apply' && severity === 'error')) {
    missing.unapplied.push(...together.flatMap(({ parts }) => parts.map(({ path }) => path)));
  }
  if (Object.values<string[]>({ ...missing }).every((some) => some.length === 0)) return [];
  return by.companions.find(missing, together, item).filter((one) => partition(one, by)[0].length > 0);
}

/** The finding that says why there is no livepatch: the last error, which ended the engine's work. */
export function reasonOf(result: ResultDocument): Reason {
  const error = result.findings.findLast((finding) => finding.severity === 'error');
  return error ?? { code: 'internal', message: `the engine ended with ${result.status} and no reason` };
}

/** The engine's document as the outcome of an item. */
function outcomeOf(result: ResultDocument): Partial<SurveyedItem> & Pick<SurveyedItem, 'outcome'> {
  const counts = { functions: result.functions.length, touched: result.touched?.length ?? 0 };
  if (result.status === 'livepatch') return { outcome: 'livepatch', ...counts };
  const { code, message, file, line } = reasonOf(result);
  const reason = {
    code,
    message,
    ...(file === undefined ? {} : { file }),
    ...(line === undefined ? {} : { line }),
  };
  return { outcome: outcomeFor(result.status, code), ...counts, functions: 0, ...reason };
}

function outcomeFor(status: ResultDocument['status'], code: string): SurveyedItem['outcome'] {
  if (code === 'not-built') return 'not-in-config';
  if (status === 'nothing-to-patch' || status === 'refused') return status;
  // What is wrong with the item itself, or with it and this kernel; all else is ours or the machine's.
  return isCode(code) && codes[code].kind === 'usage' ? 'unusable' : 'error';
}
