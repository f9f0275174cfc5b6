// Writes the generated files in docs/. A test fails when they differ from what this would write.
import { mkdirSync, writeFileSync } from 'node:fs';
import { classesMarkdown } from '../dist/report/classes.js';
import { codesMarkdown } from '../dist/report/codes.js';
import { resultJsonSchema } from '../dist/report/json.js';

const docs = new URL('../docs/', import.meta.url);
mkdirSync(docs, { recursive: true });
writeFileSync(new URL('classes.md', docs), classesMarkdown());
writeFileSync(new URL('codes.md', docs), codesMarkdown());
writeFileSync(new URL('result.schema.json', docs), resultJsonSchema());
