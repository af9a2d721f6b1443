/**
 * What files of a folder were found to contain, by their identity (device, number, size, times): who finds the identity again need not
 * read the file again. Kept on disk beside the images, one file a folder; a loss costs a reading.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { readdir, stat, unlink, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { writeWhole } from '../../state/files.ts';
import { imagesDir, type Paths } from '../../state/paths.ts';
import { changedAt, IDENTITY_BYTES } from './listing.ts';

const DIGEST_BYTES = 32;
const LINE_BYTES = IDENTITY_BYTES + DIGEST_BYTES;
/** Raised when a digest of the same contents would be another one. */
const HEAD = Buffer.from('tcompose-stat-1\n');
const FILES_MAX = 64;

/** Of a file that is changed once more within a tick of the clock, the identity stays: what is younger than this is read again. */
const TICK_NS = 100_000_000n;
/** Of file systems that keep whole seconds. */
const COARSE_NS = 2_100_000_000n;

/** Whether an identity taken at `now` (nanoseconds since 1970) can be told from that after any later change. */
export function isSettled(identity: string, now: bigint): boolean {
  const changed = changedAt(identity);
  return now - changed > (changed % 1_000_000_000n === 0n ? COARSE_NS : TICK_NS);
}

export interface StatCache {
  /** 32 bytes as latin1 text. */
  find(identity: string): string | undefined;
  /** `at`: before the file was read, nanoseconds since 1970; absent: it cannot change any more. */
  add(identity: string, digest: string, at: bigint | undefined): void;
  /** Writes what `used` says is there now, and forgets the rest; nothing to do when nothing is new. */
  save(used: Iterable<string>): Promise<void>;
}

const folderOf = (paths: Paths): string => join(imagesDir(paths), 'contexts');

/** `path`: the folder's real one. */
export function openStatCache(paths: Paths, path: string): StatCache {
  const file = join(folderOf(paths), createHash('sha256').update(path).digest('hex').slice(0, 32));
  let known: Map<string, string> | undefined;
  let isNew = false;
  const load = (): Map<string, string> => (known ??= read(file));
  return {
    find(identity) {
      return load().get(identity);
    },
    add(identity, digest, at) {
      if (at !== undefined && !isSettled(identity, at)) return;
      load().set(identity, digest);
      isNew = true;
    },
    async save(used) {
      if (!isNew) return;
      isNew = false;
      const lines = [...used].flatMap((identity) => {
        const digest = load().get(identity);
        return digest === undefined ? [] : [identity + digest];
      });
      mkdirSync(folderOf(paths), { recursive: true, mode: 0o700 });
      await writeWhole(file, Buffer.concat([HEAD, Buffer.from(lines.join(''), 'latin1')]), { durable: false });
      await trim(folderOf(paths));
    },
  };
}

function read(file: string): Map<string, string> {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch {
    return new Map();
  }
  if (!bytes.subarray(0, HEAD.length).equals(HEAD) || (bytes.length - HEAD.length) % LINE_BYTES !== 0) return new Map();
  void utimes(file, new Date(), new Date()).catch(() => undefined);
  const known = new Map<string, string>();
  for (let at = HEAD.length; at < bytes.length; at += LINE_BYTES)
    known.set(
      bytes.toString('latin1', at, at + IDENTITY_BYTES),
      bytes.toString('latin1', at + IDENTITY_BYTES, at + LINE_BYTES),
    );
  return known;
}

/** Those that were not used for longest go. */
async function trim(folder: string): Promise<void> {
  const names = await readdir(folder);
  if (names.length <= FILES_MAX) return;
  const times = await Promise.all(
    names.map(async (name) => ({
      name,
      at: await stat(join(folder, name)).then(
        ({ mtimeMs }) => mtimeMs,
        () => 0,
      ),
    })),
  );
  const old = times.sort((a, b) => b.at - a.at).slice(FILES_MAX);
  await Promise.all(old.map(({ name }) => unlink(join(folder, name)).catch(() => undefined)));
}
