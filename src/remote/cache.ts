/** Where fetched files are kept: a folder per commit or digest, complete or not there, whoever else fetches the same at the same time. */
import { mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * https://specifications.freedesktop.org/basedir: a relative XDG_CACHE_HOME counts as none.
 * What another user may write there is not what a commit says it is (sudo that keeps HOME).
 */
export async function openCache(kind: 'git' | 'oci', env: Environment): Promise<string> {
  const given = env['XDG_CACHE_HOME'] ?? '';
  const base = isAbsolute(given) ? given : join(env['HOME'] || homedir(), '.cache');
  const path = join(base, 'tcompose', kind);
  await mkdir(path, { recursive: true, mode: 0o700 });
  if ((await stat(path)).uid === process.geteuid?.()) return path;
  throw Object.assign(new Error('it belongs to another user'), { code: 'EPERM', path });
}

const UNFINISHED = '.new-';
const ABANDONED_MS = 24 * 3600_000;

/** The folder of this name, made in another one and renamed. `name` is a commit or a digest: it stands for the content. */
export async function keep(folder: string, name: string, make: (into: string) => Promise<void>): Promise<string> {
  const final = join(folder, name);
  if (await exists(final)) return final;
  await sweep(folder);
  const temporary = await mkdtemp(join(folder, UNFINISHED));
  try {
    await make(temporary);
    await rename(temporary, final);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    // Another one was faster, with the same content.
    if (!['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
  return final;
}

const exists = async (path: string): Promise<boolean> => (await stat(path).catch(() => undefined)) !== undefined;

/** What was killed in the middle. */
async function sweep(folder: string): Promise<void> {
  const names = (await readdir(folder)).filter((name) => name.startsWith(UNFINISHED));
  for (const name of names) {
    const path = join(folder, name);
    const facts = await stat(path).catch(() => undefined);
    if (facts !== undefined && Date.now() - facts.mtimeMs > ABANDONED_MS)
      await rm(path, { recursive: true, force: true });
  }
}
