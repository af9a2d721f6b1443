/** One commit of a git repository, by the host's git: no hooks, no questions, no protocol but those that are as safe as the one named. */
import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import { TcomposeError } from '../../../src/model/errors.ts';
import { removeTrees } from '../../state/remove-trees.ts';
import type { CopyServices } from '../copy/contract.ts';
import { isFolder, keepFolder } from './fetched.ts';
import type { GitAddress } from './git-address.ts';
import { type Git, gitFor } from './run-git.ts';

const COMMIT = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

/** The folder that the address names, of the commit that it means now. */
export async function checkOutGit(
  services: CopyServices,
  address: GitAddress,
): Promise<{ readonly folder: string; readonly commit: string }> {
  const git = gitFor(services, address);
  const { commit, fullName } = await resolve(address, git);
  if (address.commit !== undefined && !commit.startsWith(address.commit))
    throw refused(
      address,
      `${address.ref} is ${commit}, not ${address.commit}`,
      'correct the commit, if that is what you want',
    );
  const { remote, submodules, keepsGitFolder } = address;
  const key = createHash('sha256')
    .update(JSON.stringify([remote, commit, submodules, keepsGitFolder]))
    .digest('hex');
  const kept = await keepFolder(services.host.paths, `git-${key.slice(0, 40)}`, (into) =>
    checkOut(join(into, 'tree'), { commit, fullName }, address, git),
  );
  const tree = realpathSync(join(kept, 'tree'));
  const folder = realFolder(join(tree, address.subfolder ?? ''));
  // A repository may have a link there that leads to whatever is on this host.
  if (folder !== tree && !folder?.startsWith(`${tree}/`))
    throw refused(address, `it has no folder ${address.subfolder}`, 'correct what follows the colon');
  return { folder, commit };
}

function realFolder(path: string): string | undefined {
  return isFolder(path) ? realpathSync(path) : undefined;
}

export const refused = ({ shown }: GitAddress, why: string, help: string): TcomposeError =>
  new TcomposeError(`the repository ${shown}: ${why}`, { code: 'fetch-failed', help });

interface Resolved {
  readonly commit: string;
  readonly fullName?: string | undefined;
}

async function resolve(address: GitAddress, git: Git): Promise<Resolved> {
  const { ref = 'HEAD', remote } = address;
  if (COMMIT.test(ref)) return { commit: ref };
  // ^{}: the commit that an annotated tag stands for.
  const { code, output, told } = await git(['ls-remote', '--quiet', '--exit-code', '--', remote, ref, `${ref}^{}`]);
  const found = code === 0 ? pick(output, ref) : undefined;
  if (found !== undefined) return found;
  if (code === 0 || code === 2)
    throw refused(
      address,
      `it has no branch or tag ${JSON.stringify(ref)}`,
      'a commit has to be written in full: 40 digits',
    );
  throw refused(address, told, 'check the address, and who may read it');
}

/** ls-remote matches the ends of names: `main` finds `refs/heads/other/main`, too. Git's own order of looking things up. */
export function pick(output: string, ref: string): Resolved | undefined {
  const found = new Map(
    output.split('\n').flatMap((line) => {
      const [commit = '', name] = line.split('\t');
      return name !== undefined && COMMIT.test(commit) ? [[name, commit] as const] : [];
    }),
  );
  for (const name of [ref, `refs/${ref}`, `refs/tags/${ref}`, `refs/heads/${ref}`]) {
    const commit = found.get(`${name}^{}`) ?? found.get(name);
    if (commit !== undefined) return { commit, fullName: name };
  }
  return undefined;
}

const SETTINGS = [
  'core.hooksPath=/dev/null',
  'core.logAllRefUpdates=false',
  'core.fsmonitor=false',
  'gc.auto=0',
  'maintenance.auto=false',
  'protocol.file.allow=never',
  'advice.detachedHead=false',
];

async function checkOut(into: string, { commit, fullName }: Resolved, address: GitAddress, git: Git): Promise<void> {
  const must = async (words: readonly string[]): Promise<string> => {
    const { code, output, told } = await git(words);
    if (code !== 0)
      throw refused(
        address,
        `${address.ref ?? commit} cannot be fetched: ${told}`,
        'check the address, and who may read it',
      );
    return output.trim();
  };
  // An empty template: no hooks. What git is told of the repository comes from here alone.
  await must(['init', '--quiet', '--template=', '--', into]);
  const inside = ['-C', into, ...SETTINGS.flatMap((setting) => ['-c', setting])];
  const fetch = [
    ...inside,
    'fetch',
    '--quiet',
    '--depth=1',
    '--no-tags',
    '--no-recurse-submodules',
    '--',
    address.remote,
  ];
  const { code } = await git([...fetch, commit]);
  // Old servers give only what has a name.
  if (code !== 0) {
    await must([...fetch, fullName ?? commit]);
    if ((await must([...inside, 'rev-parse', '--verify', '--end-of-options', 'FETCH_HEAD^{commit}'])) !== commit)
      throw refused(address, `${address.ref} moved on while it was fetched`, 'try again');
  }
  await must([...inside, 'checkout', '--quiet', '--detach', commit, '--']);
  if (address.submodules)
    await must([...inside, 'submodule', '--quiet', 'update', '--init', '--recursive', '--depth=1']);
  // FETCH_HEAD has the address, and so perhaps a password.
  await removeTrees([join(into, '.git', ...(address.keepsGitFolder ? ['FETCH_HEAD'] : []))]);
}
