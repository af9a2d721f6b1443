/** Reads the credentials for a registry: DOCKER_AUTH_CONFIG, ~/.docker/config.json, and the helper programs that it names. */
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { TcomposeError } from '../../src/model/errors.ts';
import {
  badConfig,
  type Credentials,
  findCredentials,
  findHelper,
  NO_CONFIG,
  parseDockerConfig,
} from './docker-config.ts';

type Environment = Readonly<Record<string, string | undefined>>;

const HELPER_LIMIT_MS = 30_000;
const HELPER_MAX_BYTES = 1 << 20;
const NOT_FOUND = /credentials not found in native keychain/;

export async function credentialsFor(
  domain: string,
  env: Environment,
  limitMs = HELPER_LIMIT_MS,
): Promise<Credentials | undefined> {
  const given = env['DOCKER_AUTH_CONFIG'];
  if (given) {
    const found = findCredentials(parseDockerConfig(given, 'the variable DOCKER_AUTH_CONFIG'), domain);
    if (found !== undefined) return found;
  }
  const path = configPath(env);
  const config = await readConfig(path);
  const helper = findHelper(config, domain);
  return (helper && (await askHelper(helper, path, env, limitMs))) ?? findCredentials(config, domain);
}

export const configPath = (env: Environment): string =>
  join(env['DOCKER_CONFIG'] || join(env['HOME'] || homedir(), '.docker'), 'config.json');

async function readConfig(path: string) {
  try {
    return parseDockerConfig(await readFile(path, 'utf8'), path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return NO_CONFIG;
    throw error instanceof TcomposeError ? error : badConfig(path, `it cannot be read (${code})`, error);
  }
}

/** https://github.com/docker/docker-credential-helpers: `get`, the registry on standard input, JSON on standard output. */
async function askHelper(
  { name, key }: { name: string; key: string },
  path: string,
  env: Environment,
  limitMs: number,
): Promise<Credentials | undefined> {
  const program = programOf(name, path);
  const { code, output } = await run(program, 'get', key, env, limitMs);
  if (code !== 0) {
    if (NOT_FOUND.test(output)) return undefined;
    throw helperFailed(program, key, firstLine(output) || `it ended with ${code}`);
  }
  const read = parseAnswer(output);
  if (read === undefined) throw helperFailed(program, key, 'what it printed is not what the protocol asks for');
  return read.Username === '<token>'
    ? { identityToken: read.Secret }
    : { username: read.Username, password: read.Secret };
}

/** A name, never a path: the file must not choose any program of the machine. */
function programOf(name: string, path: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name)) throw badConfig(path, `"${name}" is no name of a helper`);
  return `docker-credential-${name}`;
}

/** `store` takes JSON, `erase` the registry. Gives the program's name. */
export async function runHelper(
  { name, key }: { name: string; key: string },
  verb: 'store' | 'erase',
  input: string,
  path: string,
  env: Environment,
): Promise<string> {
  const program = programOf(name, path);
  const { code, output } = await run(program, verb, input, env);
  if (code === 0 || (verb === 'erase' && NOT_FOUND.test(output))) return program;
  throw new TcomposeError(
    `${program} does not ${verb} the credentials for ${key}: ${firstLine(output) || `it ended with ${code}`}`,
    { code: 'credential-helper', help: `see that ${program} works, or take it out of ${path}` },
  );
}

function parseAnswer(output: string): { Username: string; Secret: string } | undefined {
  try {
    const read = JSON.parse(output) as { Username?: unknown; Secret?: unknown } | null;
    const { Username, Secret } = read ?? {};
    return typeof Username === 'string' && typeof Secret === 'string' ? { Username, Secret } : undefined;
  } catch {
    return undefined;
  }
}

function run(
  program: string,
  verb: string,
  input: string,
  env: Environment,
  limitMs = HELPER_LIMIT_MS,
): Promise<{ code: number | null; output: string }> {
  const failed = (why: string) => helperFailed(program, verb === 'get' ? input : 'anybody', why);
  return new Promise((resolve, reject) => {
    const child = spawn(program, [verb], { env: { ...env }, stdio: ['pipe', 'pipe', 'inherit'] });
    // A script may leave children behind that hold the pipe open: its end is not waited for.
    const timer = setTimeout(() => {
      reject(failed(`it does not answer within ${limitMs / 1000} seconds`));
      child.kill('SIGKILL');
      child.stdout.destroy();
    }, limitMs);
    const parts: Buffer[] = [];
    let bytes = 0;
    child.stdout.on('data', (part: Buffer) => {
      bytes += part.length;
      if (bytes > HELPER_MAX_BYTES) child.kill('SIGKILL');
      else parts.push(part);
    });
    child.on('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      reject(failed(error.code === 'ENOENT' ? 'it is not installed' : error.message));
    });
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve({ code, output: Buffer.concat(parts).toString() });
    });
    // It may end without having read.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}

const firstLine = (text: string): string => text.trim().split('\n')[0]!.slice(0, 200);

const helperFailed = (program: string, key: string, why: string): TcomposeError =>
  new TcomposeError(`${program} gives no credentials for ${key}: ${why}`, {
    code: 'credential-helper',
    help: `try it by hand:\n    echo ${key} | ${program} get`,
  });
