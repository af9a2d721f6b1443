/** Keeps and forgets credentials where docker does: in the helper that ~/.docker/config.json names, else in that file itself. */
import { chmod, mkdir, readFile, realpath, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { TcomposeError } from '../../src/model/errors.ts';
import { configPath, runHelper } from './credentials.ts';
import { badConfig, findHelper, keysOf, parseDockerConfig } from './docker-config.ts';

type Environment = Readonly<Record<string, string | undefined>>;
type Json = Record<string, unknown>;

export interface Kept {
  /** The helper program, or the file. */
  readonly where: string;
  /** Readable by whoever reads the file. */
  readonly isPlain: boolean;
}

export async function keepCredentials(
  domain: string,
  { username, password }: { readonly username: string; readonly password: string },
  env: Environment,
): Promise<Kept> {
  const { path, text, document } = await readDocument(env);
  const helper = findHelper(parseDockerConfig(text, path), domain);
  const [key = domain] = keysOf(domain);
  if (helper !== undefined) {
    const program = await runHelper(
      helper,
      'store',
      JSON.stringify({ ServerURL: key, Username: username, Secret: password }),
      path,
      env,
    );
    await writeDocument(path, withEntry(document, key, {}));
    return { where: program, isPlain: false };
  }
  const auth = Buffer.from(`${username}:${password}`).toString('base64');
  await writeDocument(path, withEntry(document, key, { auth }));
  return { where: path, isPlain: true };
}

/** False: there were none. */
export async function forgetCredentials(domain: string, env: Environment): Promise<boolean> {
  const { path, text, document } = await readDocument(env);
  const helper = findHelper(parseDockerConfig(text, path), domain);
  const keys = keysOf(domain);
  const auths = { ...(document['auths'] as Json | undefined) };
  const known = Object.keys(auths).filter((key) => keys.includes(key) || keys.includes(hostIn(key)));
  if (helper !== undefined) await runHelper(helper, 'erase', helper.key, path, env);
  if (known.length === 0) return helper !== undefined;
  for (const key of known) delete auths[key];
  await writeDocument(path, { ...document, auths });
  return true;
}

/** Keys of old versions have a scheme and a path. */
const hostIn = (key: string): string => key.replace(/^https?:\/\//, '').replace(/\/.*$/, '');

const withEntry = (document: Json, key: string, entry: Json): Json => ({
  ...document,
  auths: { ...(document['auths'] as Json | undefined), [key]: entry },
});

async function readDocument(env: Environment): Promise<{ path: string; text: string; document: Json }> {
  const written = configPath(env);
  // Some keep it elsewhere, and a link here: that stays one.
  const path = await realpath(written).catch(() => written);
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '{}';
    throw badConfig(path, `it cannot be read (${error.code})`, error);
  });
  parseDockerConfig(text, path);
  return { path, text, document: text.trim() === '' ? {} : (JSON.parse(text) as Json) };
}

/** Whole or not at all, and for its owner's eyes only from the first moment on. */
async function writeDocument(path: string, document: Json): Promise<void> {
  const draft = join(dirname(path), `.config.json-${process.pid}-${Date.now()}`);
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await writeFile(draft, `${JSON.stringify(document, null, '\t')}\n`, { mode: 0o600, flag: 'wx' });
    await chmod(draft, 0o600);
    await rename(draft, path);
  } catch (cause) {
    throw new TcomposeError(`cannot write ${path} (${(cause as NodeJS.ErrnoException).code})`, {
      code: 'bad-docker-config',
      help: 'let yourself write there, or name another folder: DOCKER_CONFIG=FOLDER',
      cause,
    });
  }
}
