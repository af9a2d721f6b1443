/** Runs the host's git; for a build with its secrets and agents, for others as they say. */
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import type { BuildSecret } from '../../../src/model/build.ts';
import { type Git, type GitRun, gitEnvironment, type RunGit } from '../../../src/model/git-commit.ts';
import type { CopyServices } from '../copy/contract.ts';
import type { GitAddress } from './git-address.ts';

const LIMIT_MS = 20 * 60_000;
const OUTPUT_MAX = 8 << 20;

/** Settings that the user has given git for something else; what a build's secrets say comes the same way. */
const SETTING = /^GIT_CONFIG_/;

export const gitFor =
  (services: CopyServices, address: GitAddress): Git =>
  async (words) => {
    const { remote: repository, shown } = address;
    const env = await environmentOf(services, address);
    return runGit(words, { env, limit: LIMIT_MS, repository, shown, signal: services.signal });
  };

async function environmentOf(
  { secrets, ssh }: CopyServices,
  { protocol, remote }: GitAddress,
): Promise<NodeJS.ProcessEnv> {
  const kept = Object.fromEntries(Object.entries(process.env).filter(([name]) => !SETTING.test(name)));
  const agent = ssh.find(({ id }) => id === 'default')?.path;
  return {
    ...gitEnvironment(protocol, kept),
    GIT_TERMINAL_PROMPT: '0',
    ...(agent !== undefined && { SSH_AUTH_SOCK: agent }),
    ...(await authorization(secrets, remote)),
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

export const runGit: RunGit = (words, run) =>
  new Promise((done, fail) => {
    const child = spawn('git', words, {
      env: run.env,
      cwd: '/',
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: run.limit,
      killSignal: 'SIGKILL',
      signal: run.signal,
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
      const told = ended === null ? lastWords(Buffer.concat(errors).toString(), run) : 'git does not come to an end';
      done({ code: code ?? -1, output: Buffer.concat(output).toString(), told });
    });
  });

/** The line that says why, without what must not be repeated. */
function lastWords(errors: string, { repository, shown }: GitRun): string {
  const lines = errors.replaceAll(repository, shown).split('\n').filter(Boolean);
  const line = lines.find((text) => /^(fatal|error|ssh|remote): /.test(text)) ?? lines.at(-1) ?? 'git says nothing';
  return line.replace(/^(fatal|error): /, '').slice(0, 300);
}
