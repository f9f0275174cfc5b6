import { Argument, type Command } from 'commander';
import { controllerContext } from '../controller/context.js';
import { withEngine } from '../controller/docker/connect.js';
import { interactiveContainer } from '../controller/docker/shell.js';
import { ensureImage } from '../controller/images.js';
import { KlpError } from '../shared/errors.js';
import { failedResult } from '../shared/outcome.js';
import { imageFacts } from './build.js';
import { imageRequest, kernelOptions, type KernelOptions } from './kernel-options.js';
import type { CommonOptions } from './session.js';
import { addVerb, type Cli } from './verb.js';

/** `shell`: a shell, or one command, in the image: kernel tree, compiler and `llpatch` are there. */
export function registerShell(program: Command, cli: Cli): void {
  addVerb<KernelOptions & CommonOptions>(program, cli, {
    name: 'shell',
    usage: '',
    arguments: [new Argument('[command...]', 'run this in place of a shell; put -- before it')],
    summary: 'open a shell in the image of a kernel, or run one command there and end with its exit code',
    options: kernelOptions(),
    example: 'klp-docker shell --kernel 6.12.107 --arch x86_64 -- clang-19 --version',
    run: async ([command], options, session) => {
      const argv = command === undefined || command.length === 0 ? ['bash'] : (command as string[]);
      const context = controllerContext({ ...session, findings: session.known.findings }, session.io.env);
      const request = imageRequest(options);
      const exitCode = await withEngine(context, async (docker) => {
        const image = await ensureImage(docker, request, context);
        Object.assign(session.known, imageFacts(image), { status: 'ok' });
        // With --json, stdout belongs to the document.
        const stdout = options.json === true ? process.stderr : process.stdout;
        return interactiveContainer(docker, image.ref, argv, { stdin: process.stdin, stdout }, context);
      });
      if (exitCode === 0) return { result: session.known, text: '' };
      // What the command printed is all there is to say; a script wants its exit code.
      const failure = new KlpError(
        'shell-command-failed',
        `${argv[0] ?? ''} ended with exit code ${exitCode}`,
      );
      return { result: failedResult(failure, session.known), text: '', exitCode };
    },
  });
}
