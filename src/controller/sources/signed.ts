import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KlpError } from '../../shared/errors.js';
import { withTempDir, writeFileAtomic } from '../../shared/files.js';
import { run } from '../../shared/run.js';
import type { ControllerContext } from '../context.js';
import { onPath } from '../path.js';

/**
 * The text of a file with an OpenPGP signature around it, as far as the signature covers it.
 * @param keyring the public keys that may have signed it
 * @param url where it came from, for messages
 * @throws KlpError `signature-invalid` when no key of the keyring signed it, or when that cannot be checked here
 */
export async function signedText(
  signed: Uint8Array,
  url: string,
  keyring: string,
  context: ControllerContext,
): Promise<string> {
  const cannot = !existsSync(keyring)
    ? `there is no keyring ${keyring}`
    : onPath('gpgv') === undefined
      ? 'gpgv is not installed'
      : undefined;
  if (cannot !== undefined) {
    throw new KlpError('signature-invalid', `the signature of ${url} cannot be checked: ${cannot}`, {
      advice: 'Install gpgv, and name the keyring with its whole path.',
    });
  }
  return withTempDir('klp-docker-signed', async (dir) => {
    const file = join(dir, 'signed');
    const text = join(dir, 'text');
    await writeFileAtomic(file, signed);
    await run(['gpgv', '--keyring', keyring, '--output', text, file], {
      signal: context.signal,
      failure: 'signature-invalid',
      message: `${url} is not signed by a key in ${keyring}`,
    });
    return readFile(text, 'utf8');
  });
}
