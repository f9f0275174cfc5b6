import type { Command } from 'commander';
import { controllerContext } from '../controller/context.js';
import { examine } from '../controller/doctor.js';
import { renderChecks } from '../report/checks.js';
import { KlpError } from '../shared/errors.js';
import { failedResult } from '../shared/outcome.js';
import { archData, supportedArchs } from '../shared/catalog.js';
import { emptyResult, type Check } from '../shared/result.js';
import { knownAccelerator } from '../verify/probe.js';
import { addVerb, type Cli } from './verb.js';

/** `doctor`: whether this machine has what is needed, and what to do about what it lacks. */
export function registerDoctor(program: Command, cli: Cli): void {
  addVerb(program, cli, {
    name: 'doctor',
    usage: '',
    summary: 'look at what klp-docker needs on this machine, and say how to get what is missing',
    example: 'klp-docker doctor',
    run: async (_args, _options, session) => {
      const context = controllerContext(session, session.io.env);
      const checks = [nodeCheck(), ...(await examine(context)), await kvmCheck(context.cacheDir)];
      const result = { ...emptyResult('ok'), checks };
      const missing = checks.filter((check) => check.required && !check.ok).map((check) => check.name);
      const last =
        missing.length === 0 ? 'Everything that is needed is here.' : `Missing: ${missing.join(', ')}.`;
      const text = `${[...renderChecks(checks, session.style), '', last].join('\n')}\n`;
      if (missing.length === 0) return { result, text };
      const problem = new KlpError('machine-not-ready', `This machine is not ready: ${missing.join(', ')}`);
      return { result: failedResult(problem, result), text };
    },
  });
}

function nodeCheck(): Check {
  return { name: 'node', ok: true, detail: `${process.version} at ${process.execPath}`, required: true };
}

/** KVM as far as it is known without a kernel to boot: the first `verify` tries it, and what it finds is kept. */
async function kvmCheck(cacheDir: string): Promise<Check> {
  const check = { name: 'kvm', required: false };
  const arch = supportedArchs().find((name) => [name, ...archData(name).aliases].includes(process.arch));
  if (arch === undefined) return { ...check, ok: true, detail: 'guests of other machines are emulated' };
  const known = await knownAccelerator(arch, { cacheDir });
  if (known === undefined) {
    return { ...check, ok: true, detail: '/dev/kvm is there; the next verify tries whether guests run' };
  }
  if (known.accelerator === 'kvm') return { ...check, ok: true, detail: known.why };
  const advice =
    'Nothing needs to be done. On bare metal, load kvm_intel or kvm_amd and be in the group of /dev/kvm; in a virtual machine, nested virtualisation has to be allowed.';
  return { ...check, ok: false, detail: `${known.why}: guests are emulated, some seconds slower`, advice };
}
