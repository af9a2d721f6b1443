/** Fetches one commit of a git repository with the host's git: no hooks, no submodules, no questions, no protocol but the one that was named. */
import { spawn } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { NotFetched } from '../model/remote.ts';
import { keep, openCache } from './cache.ts';
import { type GitAddress, isCommit } from './git-address.ts';

type Environment = Readonly<Record<string, string | undefined>>;

const LIMIT_MS = 10 * 60_000;
const MAX_OUTPUT = 8 << 20;

/** The folder of the commit that the address means now. */
export async function fetchGit(
  address: GitAddress,
  env: Environment,
): Promise<{ readonly ok: true; readonly folder: string } | NotFetched> {
  const git: Git = (words) => runGit(words, address, env);
  const found = await resolve(address, git);
  if (!found.ok) return found;
  const { commit, fullName } = found;
  if (address.commit !== undefined && !commit.startsWith(address.commit))
    return refuse(`${address.ref} is ${commit}, not ${address.commit}`, 'correct the commit, if that is what you want');
  try {
    const cache = await openCache('git', env);
    return { ok: true, folder: await keep(cache, commit, (into) => checkOut(into, commit, fullName, address, git)) };
  } catch (error) {
    return asRefusal(error);
  }
}

const refuse = (why: string, help: string): NotFetched => ({ ok: false, why, help });

class GitFailed extends Error {
  readonly refusal: NotFetched;
  constructor(refusal: NotFetched) {
    super(refusal.why);
    this.refusal = refusal;
  }
}

function asRefusal(error: unknown): NotFetched {
  if (error instanceof GitFailed) return error.refusal;
  const { code, path, message } = error as NodeJS.ErrnoException;
  if (code === undefined) throw error;
  return refuse(
    `it cannot be kept in ${path ?? 'the cache'} (${code}: ${message})`,
    'set XDG_CACHE_HOME to a folder of yours',
  );
}

type Resolved = { readonly ok: true; readonly commit: string; readonly fullName?: string } | NotFetched;

async function resolve(address: GitAddress, git: Git): Promise<Resolved> {
  const { ref = 'HEAD' } = address;
  if (isCommit(ref)) return { ok: true, commit: ref };
  // ^{}: the commit that an annotated tag stands for.
  const { code, output, told } = await git([
    'ls-remote',
    '--quiet',
    '--exit-code',
    '--',
    address.repository,
    ref,
    `${ref}^{}`,
  ]);
  const [fullName, commit] = code === 0 ? pick(output, ref) : [];
  if (commit !== undefined) return { ok: true, commit, ...(fullName !== undefined && { fullName }) };
  if (code === 0 || code === 2)
    return refuse(`the repository has no branch or tag "${ref}"`, 'a commit has to be written in full: 40 digits');
  return refuse(`git cannot reach the repository: ${told}`, adviceFor(told));
}

/** ls-remote matches the ends of names: `main` finds `refs/heads/other/main`, too. Git's own order of looking things up. */
function pick(output: string, ref: string): [string?, string?] {
  const found = new Map(
    output.split('\n').flatMap((line) => {
      const [commit = '', name] = line.split('\t');
      return name !== undefined && isCommit(commit) ? [[name, commit] as const] : [];
    }),
  );
  for (const name of [ref, `refs/${ref}`, `refs/tags/${ref}`, `refs/heads/${ref}`]) {
    const commit = found.get(`${name}^{}`) ?? found.get(name);
    if (commit !== undefined) return [name, commit];
  }
  return [];
}

async function checkOut(
  into: string,
  commit: string,
  fullName: string | undefined,
  address: GitAddress,
  git: Git,
): Promise<void> {
  const must = async (words: readonly string[]) => {
    const { code, output, told } = await git(words);
    if (code !== 0) throw new GitFailed(refuse(`git cannot fetch ${address.ref ?? commit}: ${told}`, adviceFor(told)));
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
    address.repository,
  ];
  const { code } = await git([...fetch, commit]);
  // Old servers give only what has a name.
  if (code !== 0) {
    await must([...fetch, fullName ?? commit]);
    if ((await must([...inside, 'rev-parse', '--verify', '--end-of-options', 'FETCH_HEAD^{commit}'])) !== commit)
      throw new GitFailed(refuse(`${address.ref} moved on while it was fetched`, 'try again'));
  }
  await must([...inside, 'checkout', '--quiet', '--detach', commit, '--']);
  // Files are wanted, not a repository: nothing that a later git could be misled by.
  await rm(join(into, '.git'), { recursive: true, force: true });
}

const SETTINGS = [
  'core.hooksPath=/dev/null',
  // A log names who did it, and to know that git looks up the host's name: ten seconds where no name server answers.
  'core.logAllRefUpdates=false',
  'gc.auto=0',
  'maintenance.auto=false',
  'submodule.recurse=false',
];

type Git = (
  words: readonly string[],
) => Promise<{ readonly code: number; readonly output: string; readonly told: string }>;

/** Of a repository that tcompose may have been started in (a hook of git's sets them). */
const OF_A_REPOSITORY =
  /^GIT_(?:DIR|WORK_TREE|INDEX_FILE|OBJECT_DIRECTORY|ALTERNATE_OBJECT_DIRECTORIES|COMMON_DIR|PREFIX|NAMESPACE|GRAFT_FILE|SHALLOW_FILE|IMPLICIT_WORK_TREE|REPLACE_REF_BASE|TEMPLATE_DIR)$/;

/** A redirect does not get to choose; the user's own url.*.insteadOf may, where it makes things safer. */
const ALLOWED: Readonly<Record<GitAddress['protocol'], string>> = {
  https: 'https:ssh',
  ssh: 'https:ssh',
  http: 'http:https:ssh',
  git: 'git:https:ssh',
  file: 'file',
};

function environmentOf({ protocol }: GitAddress, env: Environment): NodeJS.ProcessEnv {
  const kept = Object.fromEntries(Object.entries(env).filter(([name]) => !OF_A_REPOSITORY.test(name)));
  return {
    ...kept,
    LC_ALL: 'C',
    GIT_ALLOW_PROTOCOL: ALLOWED[protocol],
    GIT_TERMINAL_PROMPT: env['GIT_TERMINAL_PROMPT'] || '0',
    ...(!env['GIT_SSH'] && !env['GIT_SSH_COMMAND'] && { GIT_SSH_COMMAND: 'ssh -o ControlMaster=no -o BatchMode=yes' }),
    GIT_HTTP_LOW_SPEED_LIMIT: env['GIT_HTTP_LOW_SPEED_LIMIT'] || '100',
    GIT_HTTP_LOW_SPEED_TIME: env['GIT_HTTP_LOW_SPEED_TIME'] || '60',
  };
}

function runGit(words: readonly string[], address: GitAddress, env: Environment): ReturnType<Git> {
  return new Promise((done, fail) => {
    const child = spawn('git', words, {
      env: environmentOf(address, env),
      cwd: '/',
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: LIMIT_MS,
      killSignal: 'SIGKILL',
    });
    const [output, errors]: [Buffer[], Buffer[]] = [[], []];
    let bytes = 0;
    const collect = (into: Buffer[]) => (part: Buffer) => {
      bytes += part.length;
      if (bytes > MAX_OUTPUT) child.kill('SIGKILL');
      else into.push(part);
    };
    child.stdout.on('data', collect(output));
    child.stderr.on('data', collect(errors));
    child.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') return fail(error);
      done({ code: -1, output: '', told: 'it is not installed' });
    });
    child.on('close', (code, signal) => {
      const told =
        signal === null ? lastWords(Buffer.concat(errors).toString(), address) : 'it does not come to an end';
      done({ code: code ?? -1, output: Buffer.concat(output).toString(), told });
    });
  });
}

/** The line that says why, without what must not be repeated. */
function lastWords(errors: string, { repository, shown }: GitAddress): string {
  const lines = errors.replaceAll(repository, shown).split('\n').filter(Boolean);
  const line = lines.find((text) => /^(fatal|error|ssh|remote): /.test(text)) ?? lines.at(-1) ?? 'it says nothing';
  return line.replace(/^(fatal|error): /, '').slice(0, 300);
}

function adviceFor(told: string): string {
  if (/not installed/.test(told)) return 'install it:\n    apt-get install git';
  if (/terminal prompts disabled|Authentication failed|Permission denied|Host key/i.test(told))
    return 'let git log in by itself: a credential helper, or a key in ssh-agent and the host in known_hosts';
  return 'check the address; git ls-remote with the same one tells more';
}
