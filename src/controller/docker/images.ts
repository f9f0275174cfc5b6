import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type Docker from 'dockerode';
import { archData, supportedArchs } from '../../shared/catalog.js';
import { KlpError } from '../../shared/errors.js';
import type { ControllerContext } from '../context.js';
import { engineCall, engineWords, readMessages } from './stream.js';

/** An image of this project that the engine holds. */
export interface LocalImage {
  /** `repository:tag`; an image with several names is listed once per name. */
  ref: string;
  id: string;
  labels: Record<string, string>;
  /** Bytes, shared layers included. */
  size: number;
  /** Seconds since 1970. */
  created: number;
}

/** The named images that carry a label. */
export async function imagesWithLabel(
  docker: Docker,
  label: string,
  signal: AbortSignal,
): Promise<LocalImage[]> {
  const found = await engineCall('list images', signal, () =>
    docker.listImages({ filters: { label: [label] }, abortSignal: signal }),
  );
  return found.flatMap((image) =>
    (image.RepoTags ?? [])
      .filter((ref) => ref !== '<none>:<none>')
      .map((ref) => ({
        ref,
        id: image.Id,
        labels: image.Labels ?? {},
        size: image.Size,
        created: image.Created,
      })),
  );
}

/** The id of an image, or undefined when the engine has none of that name. */
export async function imageId(docker: Docker, ref: string, signal: AbortSignal): Promise<string | undefined> {
  try {
    return (await docker.getImage(ref).inspect()).Id;
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode === 404) return undefined;
    return engineCall(`inspect ${ref}`, signal, () => Promise.reject(error as Error));
  }
}

/**
 * Makes sure that the programs in an image run on the engine's machine: the kernel in it may be for another one.
 * @throws KlpError `image-for-other-machine`
 */
export async function checkMachine(docker: Docker, ref: string, signal: AbortSignal): Promise<void> {
  const [image, engine] = await engineCall(`inspect ${ref}`, signal, () =>
    Promise.all([docker.getImage(ref).inspect(), docker.version()]),
  );
  const [its, own] = [`${image.Os}/${image.Architecture}`, `${engine.Os}/${engine.Arch}`];
  if (its === own) return;
  const machine = (platform: string): string =>
    supportedArchs()
      .map(archData)
      .find(({ dockerPlatform }) => dockerPlatform === platform)?.name ?? platform;
  throw new KlpError(
    'image-for-other-machine',
    `the programs in ${ref} are for ${machine(its)} machines, and the Docker engine runs on ${machine(own)}`,
  );
}

/** Gives an image a (further) name. */
export async function tagImage(
  docker: Docker,
  image: string,
  ref: string,
  signal: AbortSignal,
): Promise<void> {
  const { repository, tag } = splitRef(ref);
  await engineCall(`name an image ${ref}`, signal, () =>
    docker.getImage(image).tag({ repo: repository, tag }),
  );
}

/** How long an image that lost its name stays (seconds): another version of this program may be about to run it. */
const unnamedLife = 3600;

/** Removes images with a label that have lost their name an hour ago or earlier, unless something still uses them. */
export async function removeUnnamed(docker: Docker, label: string, signal: AbortSignal): Promise<void> {
  const found = await engineCall('list images', signal, () =>
    docker.listImages({ filters: { label: [label], dangling: ['true'] }, abortSignal: signal }),
  );
  const old = found.filter(({ Created }) => Created < Date.now() / 1000 - unnamedLife);
  for (const { Id } of old) {
    await docker
      .getImage(Id)
      .remove()
      .catch(() => undefined);
  }
}

/** Makes an image from a tar archive of a root file system, and returns its id. */
export async function importImage(
  docker: Docker,
  archive: string | NodeJS.ReadableStream,
  ref: string,
  changes: string[],
  signal: AbortSignal,
): Promise<void> {
  const { repository, tag } = splitRef(ref);
  const answer = await engineCall(`import ${ref}`, signal, () =>
    docker.importImage(archive as string, { repo: repository, tag, changes, abortSignal: signal }),
  );
  await readMessages(answer, signal, (message) => {
    if (message.error !== undefined)
      throw new KlpError('docker-failed', `Docker could not import ${ref}: ${message.error}`);
  });
}

/**
 * Pulls an image; false when the registry does not have it.
 * @throws KlpError `registry-failed`
 */
export async function pullImage(docker: Docker, ref: string, context: ControllerContext): Promise<boolean> {
  const absent = /not found|manifest unknown|does not exist|unknown: /i;
  try {
    const answer = await docker.pull(ref, {
      abortSignal: context.signal,
      ...(await authOption(ref)),
    });
    let failure: string | undefined;
    await readMessages(answer, context.signal, (message) => {
      failure ??= message.error;
      if (message.status !== undefined && message.progressDetail === undefined) {
        context.progress({ type: 'line', text: message.status });
      }
    });
    if (failure === undefined) return true;
    throw new Error(failure);
  } catch (error) {
    if (error instanceof KlpError) throw error;
    if (context.signal.aborted) throw new KlpError('interrupted', `interrupted while pulling ${ref}`);
    const why = engineWords(error);
    if ((error as { statusCode?: number }).statusCode === 404 || absent.test(why)) return false;
    throw new KlpError('registry-failed', `cannot pull ${ref}: ${why}`, { cause: error });
  }
}

/**
 * Pushes an image under its own name and returns the digest that the registry gave it.
 * @throws KlpError `registry-failed`
 */
export async function pushImage(docker: Docker, ref: string, context: ControllerContext): Promise<string> {
  const { tag } = splitRef(ref);
  let digest: string | undefined;
  let failure: string | undefined;
  try {
    const answer = await docker
      .getImage(ref)
      .push({ tag, abortSignal: context.signal, ...(await authOption(ref)) });
    await readMessages(answer, context.signal, (message) => {
      failure ??= message.error;
      digest ??= (message.aux as { Digest?: string } | undefined)?.Digest;
      if (message.status !== undefined && message.progressDetail === undefined) {
        context.progress({
          type: 'line',
          text: message.id ? `${message.id}: ${message.status}` : message.status,
        });
      }
    });
  } catch (error) {
    if (error instanceof KlpError) throw error;
    if (context.signal.aborted) throw new KlpError('interrupted', `interrupted while pushing ${ref}`);
    failure = engineWords(error);
  }
  if (failure !== undefined || digest === undefined) {
    throw new KlpError('registry-failed', `cannot push ${ref}: ${failure ?? 'the registry gave no digest'}`);
  }
  return digest;
}

/** `host:5000/team/name:tag` into repository and tag; the tag is `latest` when there is none. */
export function splitRef(ref: string): { repository: string; tag: string } {
  const colon = ref.lastIndexOf(':');
  return colon > ref.lastIndexOf('/')
    ? { repository: ref.slice(0, colon), tag: ref.slice(colon + 1) }
    : { repository: ref, tag: 'latest' };
}

/** What `docker login` stored for the registry of a reference, as dockerode takes it. */
async function authOption(ref: string): Promise<{ authconfig?: Docker.AuthConfig }> {
  const registry = ref.split('/')[0] ?? '';
  const file = join(process.env.DOCKER_CONFIG ?? join(homedir(), '.docker'), 'config.json');
  try {
    const config = JSON.parse(await readFile(file, 'utf8')) as { auths?: Record<string, { auth?: string }> };
    const auth = config.auths?.[registry]?.auth;
    if (auth === undefined) return {};
    const [username = '', ...password] = Buffer.from(auth, 'base64').toString('utf8').split(':');
    return { authconfig: { username, password: password.join(':'), serveraddress: registry } };
  } catch {
    return {};
  }
}
