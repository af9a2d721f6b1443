/** Fetches one commit of a git repository with the host's git: no hooks, no submodules, no questions, no protocol but the one that was named. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  checkOutCommit,
  type FoundCommit,
  findCommit,
  type Git,
  GitFailed,
  gitEnvironment,
  type RunGit,
} from '../model/git-commit.ts';
import type { NotFetched } from '../model/remote.ts';
import { keep, openCache } from './cache.ts';
import type { GitAddress } from './git-address.ts';

type Environment = Readonly<Record<string, string | undefined>>;

const LIMIT_MS = 10 * 60_000;

/** The folder of the commit that the address means now. */
export async function fetchGit(
  address: GitAddress,
  env: Environment,
  runGit: RunGit,
): Promise<{ readonly ok: true; readonly folder: string } | NotFetched> {
  const { repository, shown, protocol, ref = 'HEAD' } = address;
  const run = { env: gitEnvironment(protocol, env), limit: LIMIT_MS, repository, shown };
  const git: Git = (words) => runGit(words, run);
  try {
    const found = await told('git cannot reach the repository', findCommit(git, repository, ref));
    if (found === 'missing')
      return refuse(`the repository has no branch or tag "${ref}"`, 'a commit has to be written in full: 40 digits');
    const { commit } = found;
    if (address.commit !== undefined && !commit.startsWith(address.commit))
      return refuse(`${ref} is ${commit}, not ${address.commit}`, 'correct the commit, if that is what you want');
    const cache = await openCache('git', env);
    return { ok: true, folder: await keep(cache, commit, (into) => checkOut(into, found, address, git)) };
  } catch (error) {
    return asRefusal(error);
  }
}

const refuse = (why: string, help: string): NotFetched => ({ ok: false, why, help });

class Refused extends Error {
  readonly refusal: NotFetched;
  constructor(why: string, help: string) {
    super(why);
    this.refusal = refuse(why, help);
  }
}

function asRefusal(error: unknown): NotFetched {
  if (error instanceof Refused) return error.refusal;
  const { code, path, message } = error as NodeJS.ErrnoException;
  if (code === undefined) throw error;
  return refuse(
    `it cannot be kept in ${path ?? 'the cache'} (${code}: ${message})`,
    'set XDG_CACHE_HOME to a folder of yours',
  );
}

async function checkOut(into: string, found: FoundCommit, address: GitAddress, git: Git): Promise<void> {
  const { repository, ref = found.commit } = address;
  const checkingOut = checkOutCommit(git, into, { ...found, repository, submodules: false });
  if ((await told(`git cannot fetch ${ref}`, checkingOut)) === 'moved')
    throw new Refused(`${ref} moved on while it was fetched`, 'try again');
  // Files are wanted, not a repository: nothing that a later git could be misled by.
  await rm(join(into, '.git'), { recursive: true, force: true });
}

/** What comes of it; or what git tells of a failure, with what to do. */
function told<T>(what: string, asked: Promise<T>): Promise<T> {
  return asked.catch((error) => {
    throw error instanceof GitFailed ? new Refused(`${what}: ${error.message}`, adviceFor(error.message)) : error;
  });
}

function adviceFor(words: string): string {
  if (/not installed/.test(words)) return 'install it:\n    apt-get install git';
  if (/terminal prompts disabled|Authentication failed|Permission denied|Host key/i.test(words))
    return 'let git log in by itself: a credential helper, or a key in ssh-agent and the host in known_hosts';
  return 'check the address; git ls-remote with the same one tells more';
}
