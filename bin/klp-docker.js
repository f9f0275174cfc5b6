#!/usr/bin/env node
import { ensureCompiled } from './compiled.js';

ensureCompiled();
const { main } = await import('../dist/cli/main.js');
await main();
