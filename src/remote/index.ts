/** Files from afar: which kind of address it is, whether it is wanted, and what became of it. */
import { readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunGit } from '../model/git-commit.ts';
import type { Registry } from '../model/registry.ts';
import { COMPOSE_NAMES, type Fetched, isAddress, type NotFetched, type Remotes } from '../model/remote.ts';
import { fetchArtifact } from './artifact.ts';
import { fetchGit } from './git.ts';
import { type GitAddress, parseGitAddress } from './git-address.ts';

type Environment = Readonly<Record<string, string | undefined>>;

const OCI = 'oci://';

export interface RemoteOptions {
  readonly env: Environment;
  readonly registry: () => Promise<Registry>;
  readonly runGit: RunGit;
}

export function openRemotes(options: RemoteOptions): Remotes {
  const known = new Map<string, Promise<Fetched | NotFetched>>();
  return {
    fetch: (address, byRemote) => {
      const key = `${byRemote} ${address}`;
      const fetching = known.get(key) ?? fetchOne(address, byRemote, options);
      known.set(key, fetching);
      return fetching;
    },
  };
}

const refuse = (why: string, help: string): NotFetched => ({ ok: false, why, help });

async function fetchOne(
  address: string,
  byRemote: boolean,
  { env, registry, runGit }: RemoteOptions,
): Promise<Fetched | NotFetched> {
  if (!isAddress(address)) return refuse('it is no address', 'write a path, or an address');
  if (address.startsWith(OCI)) {
    const off = switchedOff('COMPOSE_EXPERIMENTAL_OCI_REMOTE', env);
    if (off) return off;
    const reference = address.slice(OCI.length);
    const artifact = await fetchArtifact(reference, await registry(), env);
    return artifact.ok ? fileIn(artifact.folder, 'compose.yaml', `${address}/`) : artifact;
  }
  const off = switchedOff('COMPOSE_EXPERIMENTAL_GIT_REMOTE', env);
  if (off) return off;
  const git = parseGitAddress(address);
  if (!git.ok) return git;
  const { protocol } = git;
  if (byRemote && protocol !== 'https' && protocol !== 'ssh')
    return refuse(`a fetched file may not ask for ${protocol}://`, 'it may use https://, ssh:// and oci://');
  const checkout = await fetchGit(git, env, runGit);
  if (!checkout.ok) return checkout;
  const found = await fileIn(checkout.folder, git.path, nameOf(git));
  if (!found.ok || (protocol !== 'http' && protocol !== 'git')) return found;
  return {
    ...found,
    warning: `${git.shown} is fetched without encryption: anybody on the way can change what you run`,
  };
}

const nameOf = ({ shown, ref }: GitAddress): string => `${shown}#${ref ?? 'HEAD'}:`;

/** Go's strconv.ParseBool, which the reference reads it with. */
function switchedOff(name: string, env: Environment): NotFetched | undefined {
  const value = env[name] ?? '';
  if (value === '' || /^(?:1|t|T|true|TRUE|True)$/.test(value)) return undefined;
  if (/^(?:0|f|F|false|FALSE|False)$/.test(value)) return refuse(`${name} turns it off`, `unset ${name}`);
  return refuse(`${name} cannot be "${value}"`, 'set it to true or false');
}

/** The file meant by a path in a fetched folder, which symbolic links may not lead out of. */
async function fileIn(folder: string, path: string, name: string): Promise<Fetched | NotFetched> {
  const root = await realpath(folder);
  const real = await realpath(join(root, path)).catch(() => undefined);
  if (real === undefined) return refuse(`"${path}" is not in it`, 'correct the path after the colon');
  if (!isIn(root, real)) return leadsOut(path);
  if ((await stat(real)).isFile()) return { ok: true, root, file: join(root, path), name };
  const names = await readdir(real);
  const main = COMPOSE_NAMES.find((one) => names.includes(one));
  if (main === undefined)
    return refuse(
      `${path === '' ? 'its top folder' : `its folder "${path}"`} has no Compose file`,
      'name a file: #ref:path/of/the/file',
    );
  const file = join(root, path, main);
  const target = await realpath(file).catch(() => undefined);
  return target !== undefined && isIn(root, target) ? { ok: true, root, file, name } : leadsOut(join(path, main));
}

const isIn = (root: string, path: string): boolean => path === root || path.startsWith(`${root}/`);
const leadsOut = (path: string): NotFetched =>
  refuse(`"${path}" is a symbolic link to the outside of it`, 'do not use it; ask who wrote it');
