import { existsSync } from 'node:fs';
import type Docker from 'dockerode';
import { archData, debianData, hostArch, kernelMinimum, supportedArchs } from '../shared/catalog.js';
import { KlpError } from '../shared/errors.js';
import { checkSchema } from '../shared/result.js';
import type { z } from 'zod';
import type { ControllerContext } from './context.js';
import { freeBytes } from './disk.js';
import { connectEngine, isLocal, mayStartEngine } from './docker/connect.js';
import { onPath } from './path.js';
import { mirrorOf } from './sources/debian.js';
import { probe, probeRegistry } from './sources/http.js';
import { checksumsUrl } from './sources/kernel-org.js';

export type Check = z.infer<typeof checkSchema>;

/** The oldest Docker API that is used, and the free space (bytes) that one image needs. */
const oldestApi = 1.41;
const wantedSpace = 12 * 1024 ** 3;

/** Looks at everything klp-docker needs of this machine. Changes nothing. */
export async function examine(context: ControllerContext): Promise<Check[]> {
  const engine = await connectEngine(context).catch((error: unknown) => {
    if (error instanceof KlpError) return error;
    throw error;
  });
  const docker = engine instanceof KlpError ? undefined : engine;
  const looked = await Promise.all([
    docker ? engineVersion(docker) : [],
    docker ? engineDisk(docker, context) : [],
    cacheDisk(context),
    mirrors(context),
    registry(context),
  ]);
  const absent = engine instanceof KlpError ? engineMissing(engine, context) : [];
  return [...absent, ...looked.flat(), ...tools(), ...emulators()];
}

function engineMissing(problem: KlpError, context: ControllerContext): Check[] {
  const canStart = mayStartEngine(context.env);
  const advice =
    context.env.DOCKER_HOST !== undefined
      ? 'Check DOCKER_HOST, or unset it to use the engine of this machine.'
      : onPath('dockerd') === undefined
        ? 'apt-get install docker.io'
        : 'systemctl start docker (or, as root: dockerd); its socket must be open to this user (group docker).';
  const detail = canStart ? 'not running; klp-docker starts it for the time of a command' : problem.message;
  return [{ name: 'docker engine', ok: canStart, required: true, detail, ...(canStart ? {} : { advice }) }];
}

async function engineVersion(docker: Docker): Promise<Check[]> {
  const { Version, ApiVersion } = await docker.version();
  const [major = 0, minor = 0] = ApiVersion.split('.').map(Number);
  const [wantedMajor = 0, wantedMinor = 0] = String(oldestApi).split('.').map(Number);
  const ok = major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
  const detail = `Docker ${Version}, API ${ApiVersion}`;
  return [
    {
      name: 'docker engine',
      ok,
      required: true,
      detail,
      ...(ok ? {} : { advice: 'Install Docker 20.10 or newer.' }),
    },
  ];
}

async function engineDisk(docker: Docker, context: ControllerContext): Promise<Check[]> {
  if (!isLocal(context.env)) return [];
  const { DockerRootDir } = (await docker.info()) as { DockerRootDir: string };
  return space('disk of the docker engine', DockerRootDir, wantedSpace, 'docker system prune');
}

async function cacheDisk(context: ControllerContext): Promise<Check[]> {
  return space(
    'disk of the cache',
    context.cacheDir,
    1024 ** 3,
    'Set KLP_DOCKER_CACHE to a folder with more space.',
  );
}

async function space(name: string, path: string, wanted: number, advice: string): Promise<Check[]> {
  const free = await freeBytes(path);
  if (free === undefined)
    return [{ name, ok: true, required: false, detail: `${path} is not on this machine` }];
  const ok = free >= wanted;
  const gib = (bytes: number): string => `${(bytes / 1024 ** 3).toFixed(1)} GiB`;
  const detail = `${gib(free)} free in ${path}${ok ? '' : `, ${gib(wanted)} wanted`}`;
  return [{ name, ok, required: true, detail, ...(ok ? {} : { advice }) }];
}

function tools(): Check[] {
  const wanted: { program: string; pkg: string; what: string }[] = [
    { program: 'mmdebstrap', pkg: 'mmdebstrap', what: 'makes base images where no registry answers' },
    { program: 'gpgv', pkg: 'gpgv', what: "checks the signature of Debian's indexes" },
    { program: 'xz', pkg: 'xz-utils', what: "reads Debian's indexes" },
    { program: 'git', pkg: 'git', what: 'fetches --source git+URL#TAG' },
  ];
  const checks = wanted.map(({ program, pkg, what }): Check => {
    const path = onPath(program);
    return path === undefined
      ? {
          name: program,
          ok: false,
          required: false,
          detail: `not installed; it ${what}`,
          advice: `apt-get install ${pkg}`,
        }
      : { name: program, ok: true, required: false, detail: path };
  });
  const keyring = debianData().keyrings.find((path) => existsSync(path));
  checks.push(
    keyring === undefined
      ? {
          name: 'debian keyring',
          ok: false,
          required: false,
          detail: 'not installed; without it signatures are not checked',
          advice: 'apt-get install debian-archive-keyring',
        }
      : { name: 'debian keyring', ok: true, required: false, detail: keyring },
  );
  return checks;
}

function emulators(): Check[] {
  const native = process.arch;
  return supportedArchs().map((name): Check => {
    const { qemu, aliases } = archData(name);
    const path = onPath(qemu.binary);
    const required = name === native || aliases.includes(native);
    return path === undefined
      ? {
          name: `qemu for ${name}`,
          ok: false,
          required,
          detail: `${qemu.binary} is not installed; verify needs it`,
          advice: `apt-get install ${qemu.package}`,
        }
      : { name: `qemu for ${name}`, ok: true, required, detail: path };
  });
}

async function mirrors(context: ControllerContext): Promise<Check[]> {
  const { kernelSourceSuites, suites } = debianData();
  const debian = (name: string, archive: 'main' | 'security', setting: string): Promise<Check> => {
    const suite = kernelSourceSuites.find((of) => suites[of]?.archive === archive) ?? 'sid';
    const advice = `Check network and proxy, or set ${setting}.`;
    const url = `${mirrorOf(suite, context.env)}/dists/${suite}/InRelease`;
    return place(name, true, url, advice, probe(url, context));
  };
  // Any kernel's folder tells whether there are some.
  const sums = checksumsUrl(kernelMinimum(hostArch()).withSeries, context.env);
  return Promise.all([
    debian('debian mirror', 'main', 'KLP_DOCKER_DEBIAN_MIRROR'),
    debian('debian security mirror', 'security', 'KLP_DOCKER_DEBIAN_SECURITY_MIRROR'),
    place(
      'kernel.org',
      false,
      sums,
      "Debian's kernel sources are used; set KLP_DOCKER_KERNEL_ORG to a mirror, if you need other versions.",
      probe(sums, context),
    ),
  ]);
}

async function registry(context: ControllerContext): Promise<Check[]> {
  const published = context.env.KLP_DOCKER_REGISTRY_PROBE ?? debianData().registryProbe;
  const checks = [
    place(
      'public registry',
      false,
      published,
      'Nothing needs to be done where mmdebstrap is installed: base images are made from the Debian mirror.',
      probeRegistry(published, context),
    ),
  ];
  const own = context.env.KLP_DOCKER_REGISTRY;
  if (own !== undefined) {
    const host = own.split('/')[0] ?? own;
    const asked = ['https', 'http'].map((scheme) => probeRegistry(`${scheme}://${host}/v2/`, context));
    const advice = 'Check KLP_DOCKER_REGISTRY and the network; without it images are built here.';
    const problem = Promise.all(asked).then(
      ([https, http]) => https && http && `${https}; by plain http it ${http}`,
    );
    checks.push(place('own registry', false, own, advice, problem));
  }
  return Promise.all(checks);
}

/** The check of a server: `problem` is why it cannot be used, undefined when it can. */
async function place(
  name: string,
  required: boolean,
  url: string,
  advice: string,
  problem: Promise<string | undefined>,
): Promise<Check> {
  const why = await problem;
  return why === undefined
    ? { name, ok: true, required, detail: url }
    : { name, ok: false, required, detail: `${url} ${why}`, advice };
}
