#!/usr/bin/env node
import { ensureCompiled } from './compiled.js';

ensureCompiled();
const { main } = await import('../dist/engine/main.js');
await main();
