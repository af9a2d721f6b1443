/** One commit of a git repository, as words to git: found by a name, fetched alone, checked out without hooks. Somebody else runs git. */

export interface GitAnswer {
  /** What git ended with; -1 when it could not be run or was killed. */
  readonly code: number;
  /** Its standard output. */
  readonly output: string;
  /** For people, of a failure: the line that says why. */
  readonly told: string;
}

export type Git = (words: readonly string[]) => Promise<GitAnswer>;

export interface GitRun {
  /** All of git's environment (gitEnvironment). */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Milliseconds. */
  readonly limit: number;
  /** In what git tells, `shown` takes the place of this: it may have a password. */
  readonly repository: string;
  readonly shown: string;
  readonly signal?: AbortSignal;
}

/** The port through which git is run. Fails only where the system does. */
export type RunGit = (words: readonly string[], run: GitRun) => Promise<GitAnswer>;

type Protocol = 'https' | 'http' | 'ssh' | 'git' | 'file';

/** A redirect or a submodule does not get to choose; the user's own url.*.insteadOf may, where it makes things safer. */
const ALLOWED: Readonly<Record<Protocol, string>> = {
  https: 'https:ssh',
  ssh: 'https:ssh',
  http: 'http:https:ssh',
  git: 'git:https:ssh',
  file: 'file',
};

/** Of a repository that tcompose may have been started in (a hook of git's sets them). */
const OF_A_REPOSITORY =
  /^GIT_(?:DIR|WORK_TREE|INDEX_FILE|OBJECT_DIRECTORY|ALTERNATE_OBJECT_DIRECTORIES|COMMON_DIR|PREFIX|NAMESPACE|GRAFT_FILE|SHALLOW_FILE|IMPLICIT_WORK_TREE|REPLACE_REF_BASE|TEMPLATE_DIR)$/;

/** git(1), ENVIRONMENT VARIABLES: no questions, no other protocols, an end when nothing comes any more. */
export function gitEnvironment(
  protocol: Protocol,
  env: Readonly<Record<string, string | undefined>>,
): Record<string, string | undefined> {
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

/** All its digits: SHA-1 or SHA-256. */
const isCommit = (text: string): boolean => /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(text);

export interface FoundCommit {
  readonly commit: string;
  /** What the repository calls it; absent when it was asked for by its digits. */
  readonly fullName?: string;
}

/** The commit that a branch, a tag or a commit means now; `missing` when there is none of that name. Throws GitFailed. */
export async function findCommit(git: Git, repository: string, ref = 'HEAD'): Promise<FoundCommit | 'missing'> {
  if (isCommit(ref)) return { commit: ref };
  // ^{}: the commit that an annotated tag stands for.
  const { code, output, told } = await git(['ls-remote', '--quiet', '--exit-code', '--', repository, ref, `${ref}^{}`]);
  if (code !== 0 && code !== 2) throw new GitFailed(told);
  return (code === 0 && pickCommit(output, ref)) || 'missing';
}

/** ls-remote matches the ends of names: `main` finds `refs/heads/other/main`, too. Git's own order of looking things up. */
export function pickCommit(output: string, ref: string): FoundCommit | undefined {
  const found = new Map(
    output.split('\n').flatMap((line) => {
      const [commit = '', name] = line.split('\t');
      return name !== undefined && isCommit(commit) ? [[name, commit] as const] : [];
    }),
  );
  for (const name of [ref, `refs/${ref}`, `refs/tags/${ref}`, `refs/heads/${ref}`]) {
    const commit = found.get(`${name}^{}`) ?? found.get(name);
    if (commit !== undefined) return { commit, fullName: name };
  }
  return undefined;
}

/** Its message is what git told. */
export class GitFailed extends Error {}

const SETTINGS = [
  'core.hooksPath=/dev/null',
  // A log names who did it, and to know that git looks up the host's name: ten seconds where no name server answers.
  'core.logAllRefUpdates=false',
  'core.fsmonitor=false',
  'gc.auto=0',
  'maintenance.auto=false',
  'submodule.recurse=false',
  'advice.detachedHead=false',
];

export interface CheckOut extends FoundCommit {
  readonly repository: string;
  readonly submodules: boolean;
}

/** The commit's files in the folder `into`, with a `.git` beside them; `moved` when its name means another one by now. Throws GitFailed. */
export async function checkOutCommit(
  git: Git,
  into: string,
  { repository, commit, fullName, submodules }: CheckOut,
): Promise<'done' | 'moved'> {
  const must = async (words: readonly string[]): Promise<string> => {
    const { code, output, told } = await git(words);
    if (code !== 0) throw new GitFailed(told);
    return output.trim();
  };
  // An empty template: no hooks. What git is told of the repository comes from here alone.
  await must(['init', '--quiet', '--template=', '--', into]);
  const inside = ['-C', into, ...SETTINGS.flatMap((setting) => ['-c', setting])];
  const fetch = [...inside, 'fetch', '--quiet', '--depth=1', '--no-tags', '--no-recurse-submodules', '--', repository];
  const { code } = await git([...fetch, commit]);
  // Old servers give only what has a name; some nothing by its digits, or no part of a history (git's "dumb" HTTP): then all of it.
  if (code !== 0 && fullName !== undefined && (await git([...fetch, fullName])).code === 0) {
    const fetched = await must([...inside, 'rev-parse', '--verify', '--end-of-options', 'FETCH_HEAD^{commit}']);
    if (fetched !== commit) return 'moved';
  } else if (code !== 0) {
    const all = ['+refs/heads/*:refs/remotes/origin/*', '+refs/tags/*:refs/tags/*'];
    await must([...inside, 'fetch', '--quiet', '--no-recurse-submodules', '--', repository, ...all]);
  }
  await must([...inside, 'checkout', '--quiet', '--detach', commit, '--']);
  if (submodules) await must([...inside, 'submodule', '--quiet', 'update', '--init', '--recursive', '--depth=1']);
  return 'done';
}
