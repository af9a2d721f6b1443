/** Runs the host's git for one repository: what it may be asked, may ask, and may reach. */
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import type { BuildSecret } from '../../../src/model/build.ts';
import type { CopyServices } from '../copy/contract.ts';
import type { GitAddress } from './git-address.ts';

export type Git = (
  words: readonly string[],
) => Promise<{ readonly code: number; readonly output: string; readonly told: string }>;

const LIMIT_MS = 20 * 60_000;
const OUTPUT_MAX = 8 << 20;

/** Of a repository that the build may have been started in (a hook of git's sets them). */
const OF_A_REPOSITORY =
  /^GIT_(?:DIR|WORK_TREE|INDEX_FILE|OBJECT_DIRECTORY|ALTERNATE_OBJECT_DIRECTORIES|COMMON_DIR|PREFIX|NAMESPACE|GRAFT_FILE|SHALLOW_FILE|IMPLICIT_WORK_TREE|REPLACE_REF_BASE|TEMPLATE_DIR|CONFIG_.*)$/;

/** A redirect or a submodule does not get to choose. */
const ALLOWED: Readonly<Record<GitAddress['protocol'], string>> = {
  https: 'https:ssh',
  ssh: 'https:ssh',
  http: 'http:https:ssh',
  git: 'git:https:ssh',
};

export const gitFor =
  (services: CopyServices, address: GitAddress): Git =>
  async (words) =>
    run(words, address, await environmentOf(services, address), services.signal);

async function environmentOf(
  { secrets, ssh }: CopyServices,
  { protocol, remote }: GitAddress,
): Promise<NodeJS.ProcessEnv> {
  const kept = Object.fromEntries(Object.entries(process.env).filter(([name]) => !OF_A_REPOSITORY.test(name)));
  const agent = ssh.find(({ id }) => id === 'default')?.path;
  return {
    ...kept,
    LC_ALL: 'C',
    GIT_ALLOW_PROTOCOL: ALLOWED[protocol],
    GIT_TERMINAL_PROMPT: '0',
    ...(!kept['GIT_SSH'] &&
      !kept['GIT_SSH_COMMAND'] && { GIT_SSH_COMMAND: 'ssh -o ControlMaster=no -o BatchMode=yes' }),
    ...(agent !== undefined && { SSH_AUTH_SOCK: agent }),
    ...(await authorization(secrets, remote)),
    GIT_HTTP_LOW_SPEED_LIMIT: '100',
    GIT_HTTP_LOW_SPEED_TIME: '60',
  };
}

/**
 * The secrets GIT_AUTH_TOKEN and GIT_AUTH_HEADER (also with `.HOST` behind), as BuildKit has them: for the repository's own host alone,
 * and by the environment, since arguments can be seen by everybody.
 */
async function authorization(secrets: readonly BuildSecret[], remote: string): Promise<NodeJS.ProcessEnv> {
  if (!/^https:\/\//i.test(remote) || !URL.canParse(remote)) return {};
  const { host, origin } = new URL(remote);
  const find = (id: string) =>
    secrets.find((secret) => secret.id === `${id}.${host}`) ?? secrets.find((secret) => secret.id === id);
  const [header, token] = [find('GIT_AUTH_HEADER'), find('GIT_AUTH_TOKEN')];
  const secret = header ?? token;
  if (secret === undefined) return {};
  const text = (await textOfSecret(secret)).trim();
  if (/[\r\n\0]/.test(text)) return {};
  const value = header !== undefined ? text : `basic ${Buffer.from(`x-access-token:${text}`).toString('base64')}`;
  return {
    GIT_CONFIG_COUNT: '1',
    GIT_CONFIG_KEY_0: `http.${origin}/.extraheader`,
    GIT_CONFIG_VALUE_0: `Authorization: ${value}`,
  };
}

async function textOfSecret({ source }: BuildSecret): Promise<string> {
  if ('file' in source) return readFile(source.file, 'utf8');
  if ('env' in source) return process.env[source.env] ?? '';
  return Buffer.from(source.content).toString();
}

function run(
  words: readonly string[],
  address: GitAddress,
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): ReturnType<Git> {
  return new Promise((done, fail) => {
    const child = spawn('git', words, {
      env,
      cwd: '/',
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: LIMIT_MS,
      killSignal: 'SIGKILL',
      signal,
    });
    const [output, errors]: [Buffer[], Buffer[]] = [[], []];
    let bytes = 0;
    const collect = (into: Buffer[]) => (part: Buffer) => {
      bytes += part.length;
      if (bytes > OUTPUT_MAX) child.kill('SIGKILL');
      else into.push(part);
    };
    child.stdout.on('data', collect(output));
    child.stderr.on('data', collect(errors));
    child.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') return fail(error);
      done({ code: -1, output: '', told: 'git is not installed on this host' });
    });
    child.on('close', (code, ended) => {
      const told =
        ended === null ? lastWords(Buffer.concat(errors).toString(), address) : 'git does not come to an end';
      done({ code: code ?? -1, output: Buffer.concat(output).toString(), told });
    });
  });
}

/** The line that says why, without what must not be repeated. */
function lastWords(errors: string, { remote, shown }: GitAddress): string {
  const lines = errors.replaceAll(remote, shown).split('\n').filter(Boolean);
  const line = lines.find((text) => /^(fatal|error|ssh|remote): /.test(text)) ?? lines.at(-1) ?? 'git says nothing';
  return line.replace(/^(fatal|error): /, '').slice(0, 300);
}
