import { mkdir, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type Docker from 'dockerode';
import { checkInterrupted, type ControllerContext } from '../controller/context.js';
import { generateInImage } from '../controller/generate.js';
import type { Image } from '../controller/images.js';
import { reachInImage } from '../controller/reach.js';
import { renderJson } from '../report/json.js';
import { asKlpError, KlpError } from '../shared/errors.js';
import { withTempDir, writeFileAtomic } from '../shared/files.js';
import { failedResult } from '../shared/outcome.js';
import { emptyResult, type ResultDocument } from '../shared/result.js';
import { patchedModules } from '../verify/livepatch.js';
import { attempt, patchOf, reasonOf, type Attempting, type ItemPatch, type Reason } from './attempt.js';
import { companionsIn } from './companions.js';
import type { ReadInput } from './input.js';
import { inParallel } from '../shared/parallel.js';
import { folderOf, type ItemRecord, type Records } from './records.js';
import { countsText, outcomesOf } from './summary.js';
import type { SurveyItem } from './types.js';

export interface SurveyRequest {
  input: ReadInput;
  image: Image;
  outDir: string;
  records: Records;
  /** Items at a time. */
  jobs: number;
  /** The longest that one attempt of an item may take, in milliseconds. */
  itemTimeoutMs: number;
}

/** Between two notes of how far the survey is. */
const noteEvery = 25;

/**
 * Makes a livepatch of every item, or says why there is none. What an earlier run has finished is taken from its
 * record. One item's crash or time limit is that item's outcome.
 * @returns a record per item, in the order of the survey
 * @throws KlpError when the engine is gone, the disk full, or the survey interrupted; what is done stays done
 */
export async function surveyItems(
  docker: Docker,
  request: SurveyRequest,
  context: ControllerContext,
): Promise<ItemRecord[]> {
  const { input, records } = request;
  const items = input.asked;
  const found = await Promise.all(items.map((item) => records.read(item)));
  const open = items.filter((_, i) => found[i] === undefined);
  if (open.length < items.length) {
    const text = `${items.length - open.length} of ${items.length} are done already`;
    context.progress({ type: 'note', text });
  }
  const done = new Map(found.flatMap((record, i) => (record ? [[items[i], record] as const] : [])));
  if (open.length > 0) {
    const by = await attempting(docker, request, done, context);
    let begun = done.size;
    await inParallel(cheapestFirst(open, by), request.jobs, async (item) => {
      checkInterrupted(context.signal);
      const number = `${++begun} of ${items.length}`;
      const stage = { type: 'stage', name: number, detail: item.name } as const;
      context.progress({ ...stage, state: 'start' });
      const started = performance.now();
      const record = await oneItem(item, by, request);
      await records.write(record);
      done.set(item, record);
      context.progress({ ...stage, state: 'done', ms: performance.now() - started });
      if (done.size % noteEvery === 0) {
        const counts = countsText(outcomesOf([...done.values()].map(({ entry }) => entry)));
        context.progress({ type: 'note', text: `${done.size} of ${items.length}: ${counts}` });
      }
    });
  }
  return items.flatMap((item) => done.get(item) ?? []);
}

/** A header may have a thousand files compiled: what is quickly told comes first. */
function cheapestFirst(items: readonly SurveyItem[], by: Pick<Attempting, 'reach'>): SurveyItem[] {
  const cost = ({ parts }: SurveyItem): number =>
    Math.max(...parts.map(({ path }) => by.reach(path)?.objects ?? 0));
  return [...items].sort((a, b) => cost(a) - cost(b));
}

/** What the items of a survey are tried by. */
interface Attempts extends Omit<Attempting, 'generate'> {
  /** The item's own folder (absolute), emptied when it is first asked for. */
  folder: (item: SurveyItem) => Promise<string>;
  generate: (item: SurveyItem, patches: readonly ItemPatch[]) => Promise<ResultDocument>;
}

async function attempting(
  docker: Docker,
  request: SurveyRequest,
  done: ReadonlyMap<SurveyItem | undefined, ItemRecord>,
  context: ControllerContext,
): Promise<Attempts> {
  const { input, image, outDir } = request;
  const { items } = input;
  const paths = [...new Set(items.flatMap(({ parts }) => parts.map(({ path }) => path)))];
  const reaches = new Map((await reachInImage(docker, image, paths, context)).map((one) => [one.path, one]));
  const reach: Attempts['reach'] = (path) => reaches.get(path);
  const position = new Map(items.map((item, i) => [item, i]));
  const asked = new Set(input.asked);
  const folder = oncePer(async (item: SurveyItem) => {
    const dir = join(outDir, folderOf(item));
    await rm(dir, { recursive: true, force: true });
    await mkdir(dir, { recursive: true });
    return dir;
  });
  const generate: Attempts['generate'] = async (item, patches) =>
    engine(docker, item, patches, await folder(item), request, context);
  const alone = oncePer((item: SurveyItem) => generate(item, patchOf(item, { reach })));
  return {
    reach,
    folder,
    generate,
    alone,
    companions: companionsIn(input, (path) => reach(path)?.readers),
    inOrder: (some) => [...some].sort((a, b) => (position.get(a) ?? 0) - (position.get(b) ?? 0)),
    wrongAlone: async (item) => {
      if (!asked.has(item)) return undefined;
      const entry = done.get(item)?.entry;
      if (entry !== undefined) return reasonIn(entry);
      const result = await alone(item);
      return result.status === 'livepatch' ? undefined : reasonOf(result);
    },
  };
}

/** A function whose answer for each item is found out once. */
function oncePer<R>(ask: (item: SurveyItem) => Promise<R>): (item: SurveyItem) => Promise<R> {
  const answers = new Map<SurveyItem, Promise<R>>();
  return (item) => {
    const answer = answers.get(item) ?? ask(item);
    answers.set(item, answer);
    return answer;
  };
}

/** Why a finished item made no livepatch alone. */
function reasonIn({ attempts, code, message }: ItemRecord['entry']): Reason | undefined {
  const [first = { code, message }] = attempts;
  if (first.code === undefined) return undefined;
  return { code: first.code, message: first.message ?? '' };
}

async function oneItem(item: SurveyItem, by: Attempts, { records }: SurveyRequest): Promise<ItemRecord> {
  const started = performance.now();
  const folder = folderOf(item);
  const dir = await by.folder(item);
  const { entry, result, alone } = await attempt(item, {
    ...by,
    generate: (patches) => by.generate(item, patches),
  });
  const module = result?.artifacts.find(({ path }) => path.endsWith('.ko'))?.path;
  if (result !== undefined) await writeFileAtomic(join(dir, 'result.json'), renderJson(result));
  return {
    key: records.key(item),
    ...(alone ? {} : { others: records.others }),
    entry: {
      ...entry,
      folder,
      ...(module === undefined ? {} : { module: join(folder, basename(module)) }),
      ms: Math.round(performance.now() - started),
    },
    findings: [],
    objects: patchedModules(result?.functions ?? []),
  };
}

/** One run of the engine; an error that concerns this item alone becomes its result. */
async function engine(
  docker: Docker,
  item: SurveyItem,
  patches: readonly ItemPatch[],
  dir: string,
  { image, itemTimeoutMs }: SurveyRequest,
  context: ControllerContext,
): Promise<ResultDocument> {
  const limit = AbortSignal.timeout(itemTimeoutMs);
  const own: ControllerContext = {
    ...context,
    signal: AbortSignal.any([context.signal, limit]),
    progress: () => undefined,
    timings: {},
    findings: [],
  };
  return await withTempDir('klp-docker-item', async (inputs) => {
    const paths: string[] = [];
    for (const { name, text } of patches) {
      paths.push(join(inputs, name));
      await writeFile(join(inputs, name), text);
      await writeFileAtomic(join(dir, name), text);
    }
    try {
      return await generateInImage(docker, image, { patches: paths, name: item.id, outDir: dir }, own);
    } catch (thrown) {
      checkInterrupted(context.signal);
      const seconds = itemTimeoutMs / 1000;
      const error = limit.aborted
        ? new KlpError('item-timeout', `no result within ${seconds} s`, { cause: thrown })
        : asKlpError(thrown);
      if (!itsOwn.has(error.code)) throw error;
      return failedResult(error, emptyResult('error'));
    }
  });
}

/** Errors that the next item need not have. */
const itsOwn = new Set(['container-failed', 'output-unsafe', 'item-timeout', 'internal']);
