import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { codes } from '../shared/codes.js';
import type { KlpError } from '../shared/errors.js';
import { writeFileAtomic } from '../shared/files.js';
import { isCode } from '../shared/outcome.js';
import { findingSchema, surveyedItemSchema, type SurveyedItem } from '../shared/result.js';
import type { SurveyItem } from './types.js';

const recordSchema = z.strictObject({
  /** What the result rests on: the item's patch, the image with its engine, the options. */
  key: z.string(),
  /** The same for all other items; undefined when none of them was looked at. */
  others: z.string().optional(),
  entry: surveyedItemSchema,
  /** Findings of the verification about this item. */
  findings: z.array(findingSchema),
  /** Where the modules that are patched are found, for the verification: their names. */
  objects: z.array(z.string()),
});

/** What a survey keeps of a finished item, in its folder. */
export type ItemRecord = z.infer<typeof recordSchema>;

export interface Records {
  key: (item: SurveyItem) => string;
  others: string;
  /** The record of an earlier run if it still holds. */
  read: (item: SurveyItem) => Promise<ItemRecord | undefined>;
  write: (record: ItemRecord) => Promise<void>;
}

/** Folder of an item's results, relative to the output folder. */
export function folderOf(item: Pick<SurveyItem, 'id'>): string {
  return join('items', item.id);
}

/**
 * The records of a survey in its output folder.
 * @param basis what every result rests on besides the patches: image, options, version of the program
 */
export function recordsIn(outDir: string, basis: readonly string[], items: readonly SurveyItem[]): Records {
  const textOf = (item: SurveyItem): string => item.parts.map((part) => part.text).join('');
  const key = (item: SurveyItem): string => sha256(...basis, item.name, textOf(item));
  const others = sha256(...items.map(textOf));
  const path = (id: string): string => join(outDir, folderOf({ id }), 'survey-item.json');
  return {
    key,
    others,
    read: async (item) => {
      const text = await readFile(path(item.id), 'utf8').catch(() => undefined);
      const record = text === undefined ? undefined : parse(text);
      if (record === undefined || record.key !== key(item)) return undefined;
      if (record.others !== undefined && record.others !== others) return undefined;
      return mayPass(record) ? undefined : record;
    },
    write: (record) => writeFileAtomic(path(record.entry.id), `${JSON.stringify(record, null, 2)}\n`),
  };
}

/** The record of something that is no patch: it is made anew each time. */
export function unreadableRecord({ name, error }: { name: string; error: KlpError }): ItemRecord {
  const { code, message } = error;
  const nothing = { files: [], with: [], attempts: [], leftOut: [], functions: 0, touched: 0, ms: 0 };
  const entry: SurveyedItem = { ...nothing, name, id: '', outcome: 'unusable', code, message, folder: '' };
  return { key: '', entry, findings: [], objects: [] };
}

/** A failure of the machine says nothing of the item: it is tried again. */
function mayPass({ entry }: ItemRecord): boolean {
  const { code } = entry;
  return (
    entry.outcome === 'error' && code !== undefined && isCode(code) && codes[code].kind === 'environment'
  );
}

function parse(text: string): ItemRecord | undefined {
  try {
    return recordSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

function sha256(...texts: string[]): string {
  const hash = createHash('sha256');
  for (const text of texts) hash.update(`${Buffer.byteLength(text)} `).update(text);
  return hash.digest('hex');
}
