/** One commit of a git repository, by the host's git: no hooks, no questions, no protocol but those that are as safe as the one named. */
import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import { TcomposeError } from '../../../src/model/errors.ts';
import { checkOutCommit, type FoundCommit, findCommit, type Git, GitFailed } from '../../../src/model/git-commit.ts';
import { removeTrees } from '../../state/remove-trees.ts';
import type { CopyServices } from '../copy/contract.ts';
import { isFolder, keepFolder } from './fetched.ts';
import type { GitAddress } from './git-address.ts';
import { gitFor } from './run-git.ts';

/** The folder that the address names, of the commit that it means now. */
export async function checkOutGit(
  services: CopyServices,
  address: GitAddress,
): Promise<{ readonly folder: string; readonly commit: string }> {
  const git = gitFor(services, address);
  const found = await find(address, git);
  const { commit } = found;
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
    checkOut(join(into, 'tree'), found, address, git),
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

const refused = ({ shown }: GitAddress, why: string, help: string): TcomposeError =>
  new TcomposeError(`the repository ${shown}: ${why}`, { code: 'fetch-failed', help });

async function find(address: GitAddress, git: Git): Promise<FoundCommit> {
  const found = await toldOf(address, '', findCommit(git, address.remote, address.ref));
  if (found !== 'missing') return found;
  throw refused(
    address,
    `it has no branch or tag ${JSON.stringify(address.ref ?? 'HEAD')}`,
    'a commit has to be written in full: 40 digits',
  );
}

async function checkOut(into: string, found: FoundCommit, address: GitAddress, git: Git): Promise<void> {
  const { remote: repository, submodules, keepsGitFolder, ref = found.commit } = address;
  const checkingOut = checkOutCommit(git, into, { ...found, repository, submodules });
  if ((await toldOf(address, `${ref} cannot be fetched: `, checkingOut)) === 'moved')
    throw refused(address, `${ref} moved on while it was fetched`, 'try again');
  // FETCH_HEAD has the address, and so perhaps a password.
  await removeTrees([join(into, '.git', ...(keepsGitFolder ? ['FETCH_HEAD'] : []))]);
}

/** What comes of it; what git tells of a failure, as an error for people. */
function toldOf<T>(address: GitAddress, before: string, asked: Promise<T>): Promise<T> {
  return asked.catch((error) => {
    if (!(error instanceof GitFailed)) throw error;
    throw refused(address, `${before}${error.message}`, 'check the address, and who may read it');
  });
}
