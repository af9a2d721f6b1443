/** What files contain: known by their identity from an earlier build, or read and hashed now. */
import { createHash } from 'node:crypto';
import type { PackedFile } from '../../files/record-stream.ts';
import type { CopyServices } from './contract.ts';
import { type ContentOf, firstNames } from './digest.ts';
import type { Origin } from './origin.ts';
import { readFiles } from './reader.ts';
import type { Selection } from './select.ts';
import type { Entry } from './tree.ts';

/**
 * The launcher's own note, and what steers the merging of layers, are no attributes of a file. Capabilities and labels of a context's files
 * are this host's: as with BuildKit, they do not reach the image.
 */
export const attributesOf = ({ xattrs }: PackedFile, { owned }: Pick<Origin, 'owned'>): PackedFile['xattrs'] =>
  xattrs.filter(
    ([name]) =>
      name !== 'identity' && !/^(?:trusted|user)\.overlay\./.test(name) && (owned || !name.startsWith('security.')),
  );

export const identityOf = ({ xattrs }: PackedFile): string =>
  xattrs.find(([name]) => name === 'identity')?.[1].toString('latin1') ?? '';

const ZEROS = Buffer.alloc(1 << 16);

/** Takes a file's data in and says what it is in the end; holes are zeros, since a file system may fill them. */
export function contentHash(
  file: PackedFile,
  origin: Pick<Origin, 'owned'>,
): { update(part: Buffer): void; digest(): string } {
  const hash = createHash('sha256');
  for (const [name, value] of [...attributesOf(file, origin)].sort(([a], [b]) => (a < b ? -1 : 1)))
    hash.update(`${name}\0${value.length}\0`, 'latin1').update(value);
  hash.update('\0');
  const zeros = (count: number) => {
    for (let left = count; left > 0; left -= ZEROS.length) hash.update(ZEROS.subarray(0, Math.min(left, ZEROS.length)));
  };
  const segments = file.segments.length > 0 ? file.segments : file.stored > 0 ? [[0, file.stored] as const] : [];
  let index = 0;
  let at = 0;
  return {
    update(part) {
      for (let rest = part; rest.length > 0; ) {
        const [start, length] = segments[index] ?? [at, rest.length];
        if (at < start) {
          zeros(start - at);
          at = start;
        }
        const taken = rest.subarray(0, start + length - at);
        hash.update(taken);
        at += taken.length;
        rest = rest.subarray(taken.length);
        if (at === start + length) index++;
      }
    },
    digest() {
      zeros(file.size - at);
      return hash.digest().toString('latin1');
    },
  };
}

async function hashed(file: PackedFile, origin: Origin): Promise<string> {
  const hash = contentHash(file, origin);
  for await (const part of file.data()) hash.update(part);
  return hash.digest();
}

/** Reads what is not known yet: files once, by the first of their names, and folders for their attributes. */
export async function contentsOf(
  { host, signal, onProgress }: CopyServices,
  origin: Origin,
  selections: readonly Selection[],
): Promise<ContentOf> {
  const keys: string[] = [];
  const digests = new Map<Entry, string>();
  const unknown: { readonly entry: Entry; readonly key: string }[] = [];
  for (const { files } of selections) {
    const later = firstNames(files);
    for (const selected of files) {
      const { entry } = selected;
      if ((entry.type !== 'f' && entry.type !== 'd') || later.has(selected)) continue;
      const key = origin.cacheKey(entry);
      const digest = origin.cache.find(key);
      keys.push(key);
      if (digest === undefined) unknown.push({ entry, key });
      else digests.set(entry, digest);
    }
  }
  if (unknown.length > 0) {
    // What lies in layers does not change any more.
    const at = origin.isLive ? BigInt(Date.now()) * 1_000_000n : undefined;
    const { progress } = origin;
    progress.total += unknown.reduce((sum, { entry: { size, type } }) => sum + (type === 'f' ? size : 0), 0);
    const records = await readFiles(
      host,
      origin.reach,
      unknown.map(({ entry: { path } }) => path),
    );
    let index = 0;
    try {
      for await (const record of records) {
        signal.throwIfAborted();
        const { entry, key } = unknown[index++]!;
        const digest = await hashed(record, origin);
        digests.set(entry, digest);
        origin.cache.add(origin.isLive ? identityOf(record) : key, digest, at);
        progress.bytes += record.stored;
        onProgress?.('reading files', progress.bytes, progress.total);
      }
    } finally {
      await records.close();
    }
    await origin.cache.save(keys);
  }
  return ({ entry }) => digests.get(entry)!;
}
