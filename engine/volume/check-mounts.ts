/** What the kernel would refuse of a container's mounts, or Docker before it, told before anything is touched. */
import { readFileSync } from 'node:fs';
import { lstat, realpath, stat } from 'node:fs/promises';
import { join, posix } from 'node:path';
import type { DesiredContainer, DesiredMount } from '../../src/model/desired.ts';
import { TcomposeError } from '../../src/model/errors.ts';
import { type Paths, volumeData } from '../state/paths.ts';
import { isMounted } from './attach.ts';
import { deviceProblem } from './check-volumes.ts';
import { mayHave } from './look-up.ts';
import { needsMount } from './mount-options.ts';
import { propagationProblem } from './propagation.ts';
import { unknownTmpfsOption } from './tmpfs-options.ts';
import { readVolume } from './volume-records.ts';

export interface MountCheck {
  readonly paths: Paths;
  /** The image's layers, topmost first; undefined: it is not there. */
  readonly layersOf: (image: string) => Promise<readonly string[] | undefined>;
  /** All that the plan starts: one of them may make the folder that another wants to find in a volume. */
  readonly starting: readonly DesiredContainer[];
  /** Volumes that the plan makes, or makes anew. */
  readonly making: ReadonlySet<string>;
  /** Whether there is such a container, or will be. */
  readonly isContainer: (name: string) => boolean;
}

export async function mountProblems(check: MountCheck, container: DesiredContainer): Promise<readonly Error[]> {
  const found = await Promise.all(container.mounts.map((mount) => problemOf(check, container, mount)));
  return found.flatMap((problem) => problem ?? []);
}

const problemOf = async (
  check: MountCheck,
  container: DesiredContainer,
  mount: DesiredMount,
): Promise<Error | undefined> => {
  const address = `container/${container.name}`;
  const refuse = (message: string, code: string, help: string) => new TcomposeError(message, { code, address, help });
  const escapes = (subpath: string) =>
    refuse(
      `${subpath}, mounted on ${mount.target}, is no relative path within the ${mount.kind}`,
      'bad-mount',
      'write a path without a slash at its beginning and without ..',
    );
  if (mount.kind !== 'from' && isProcs(mount))
    return refuse(
      `nothing can be mounted on ${mount.target}: what is beneath /proc is the kernel's`,
      'bad-mount',
      'mount it somewhere else',
    );
  switch (mount.kind) {
    case 'bind':
      return bindProblem(mount, address);
    case 'tmpfs': {
      const unknown = unknownTmpfsOption(mount.options);
      return unknown === undefined
        ? undefined
        : refuse(
            `the tmpfs on ${mount.target} has the unknown or malformed option "${unknown}"`,
            'bad-mount',
            'see tmpfs(5)',
          );
    }
    case 'image':
      if (mount.subpath === undefined) return undefined;
      if (!isWithin(mount.subpath)) return escapes(mount.subpath);
      return mayHave((await check.layersOf(mount.image.id)) ?? [], mount.subpath)
        ? undefined
        : refuse(
            `image ${mount.image.ref} has no ${mount.subpath}, to be mounted on ${mount.target}`,
            'mount-source-missing',
            'correct image.subpath',
          );
    case 'volume': {
      const { volume, subpath } = mount;
      if (volume === undefined) return undefined;
      const record = check.making.has(volume) ? undefined : readVolume(check.paths, volume);
      const gone = record === undefined ? undefined : await deviceProblem(record.madeFrom);
      if (gone !== undefined || subpath === undefined || subpath === '') return gone;
      if (!isWithin(subpath)) return escapes(subpath);
      const layers = mount.noCopy ? undefined : await check.layersOf(container.image.id);
      // Docker makes the folder when it copies the image's content there.
      if (layers !== undefined && mayHave(layers, mount.target)) return undefined;
      if (check.starting.some((other) => other.name !== container.name && mayMake(other, volume, subpath)))
        return undefined;
      return (await isMissing(check.paths, volume, subpath))
        ? refuse(
            `volume ${volume} has no ${subpath}, to be mounted on ${mount.target}`,
            'mount-source-missing',
            `make it there, from a container that mounts the whole volume`,
          )
        : undefined;
    }
    case 'from':
      return check.isContainer(mount.container)
        ? undefined
        : refuse(
            `there is no container ${JSON.stringify(mount.container)} to take volumes from`,
            'container-missing',
            'create it first, or correct volumes_from',
          );
    default:
      return undefined;
  }
};

/** What programs ask the kernel there must be its answer (CVE-2019-16884); these are files of numbers alone, and lxcfs's (runc checkProcMount). */
const PROC = /^\/proc(?:\/|$)/;
const HARMLESS =
  /^\/proc\/(?:cpuinfo|diskstats|meminfo|stat|swaps|uptime|loadavg|slabinfo|net\/dev|sys\/kernel\/ns_last_pid|sys\/crypto\/fips_enabled)$/;

function isProcs(mount: DesiredMount): boolean {
  const target = posix.normalize(mount.target);
  if (!PROC.test(target) || HARMLESS.test(target)) return false;
  return !(target === '/proc' && mount.kind === 'bind' && mount.source === '/proc');
}

const isWithin = (subpath: string): boolean =>
  !subpath.startsWith('/') && posix.normalize(subpath).split('/')[0] !== '..';

/** Writes to the volume, or to a folder of it that holds `subpath`. */
const mayMake = ({ mounts }: DesiredContainer, volume: string, subpath: string): boolean =>
  mounts.some(
    (mount) =>
      mount.kind === 'volume' &&
      mount.volume === volume &&
      !mount.readOnly &&
      posix.normalize(`/${subpath}/`).startsWith(posix.normalize(`/${mount.subpath ?? ''}/`)) &&
      posix.normalize(`/${subpath}/`) !== posix.normalize(`/${mount.subpath ?? ''}/`),
  );

/** What is mounted on a volume only while it is used is not looked at. */
const isMissing = async (paths: Paths, volume: string, subpath: string): Promise<boolean> => {
  const record = readVolume(paths, volume);
  if (record === undefined) return true;
  const data = volumeData(paths, volume);
  if (needsMount(record.madeFrom) && !(await isMounted(data))) return false;
  const there = await lstat(join(data, subpath)).catch(() => undefined);
  if (there === undefined) return true;
  // A link may lead anywhere: where it may, the start says.
  return there.isSymbolicLink() ? false : !(await realpath(join(data, subpath))).startsWith(await realpath(data));
};

const bindProblem = async (
  mount: Extract<DesiredMount, { kind: 'bind' }>,
  address: string,
): Promise<Error | undefined> => {
  const isThere = await stat(mount.source).then(
    () => true,
    () => false,
  );
  if (!isThere && !mount.createHostPath) {
    return new TcomposeError(`the bind source ${mount.source} does not exist`, {
      code: 'bind-source-missing',
      address,
      help: `create it:\n    mkdir -p ${mount.source}`,
    });
  }
  if (!/shared|slave/.test(mount.propagation)) return undefined;
  const source = isThere ? await realpath(mount.source) : mount.source;
  const problem = propagationProblem(readFileSync('/proc/self/mountinfo', 'latin1'), source, mount.propagation);
  return problem === undefined
    ? undefined
    : new TcomposeError(problem.message, { code: 'bad-mount', address, help: problem.help });
};
