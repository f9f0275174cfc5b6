import { z } from 'zod';
import { resultSchema, type ResultDocument } from '../shared/result.js';

/**
 * The result document as it goes to stdout with --json: checked against its own schema first.
 * @throws ZodError when the document does not fit: a defect of ours, never the user's.
 */
export function renderJson(result: ResultDocument): string {
  return `${JSON.stringify(resultSchema.parse(result), null, 2)}\n`;
}

/** The schema of the result document as JSON Schema (draft 2020-12); `docs/result.schema.json` holds it. */
export function resultJsonSchema(): string {
  const schema = z.toJSONSchema(resultSchema, { target: 'draft-2020-12' });
  const titled = { $schema: schema.$schema, title: 'klp-docker result document', ...schema };
  return `${JSON.stringify(titled, null, 2)}\n`;
}
