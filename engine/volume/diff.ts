/** What differs between two volumes: names and facts first, and the content of those files only whose times differ. */
import type { VolumeChange } from '../../src/model/volume-facts.ts';
import { packTree } from '../files/file-program.ts';
import { hostReach } from '../files/host-side.ts';
import type { PackedFile } from '../files/record-stream.ts';
import type { Host } from '../host.ts';
import { attached } from './clone.ts';

type Facts = Omit<PackedFile, 'data'>;

interface Tree {
  /** Hard links have the facts of what they are a name of. */
  readonly files: ReadonlyMap<string, Facts>;
  /** Of files with several names: the names, in order. */
  readonly names: ReadonlyMap<string, string>;
}

async function read(host: Host, data: string): Promise<Tree> {
  const files = new Map<string, Facts>();
  const together = new Map<string, string[]>();
  for await (const { data: _, ...file } of await packTree(host, hostReach(data), '/', { headsOnly: true })) {
    const first = file.kind === 'h' ? file.link : file.path;
    if (file.kind === 'h') together.set(first, [...(together.get(first) ?? [first]), file.path]);
    files.set(file.path, file.kind === 'h' ? (files.get(first) ?? file) : file);
  }
  const names = new Map<string, string>();
  for (const group of together.values()) for (const path of group) names.set(path, group.sort().join('\0'));
  return { files, names };
}

const hasOwn = (one: Facts, two: Facts): readonly string[] => [
  ...(one.kind === two.kind ? [] : ['type']),
  ...(one.kind === 'f' && two.kind === 'f' && one.size !== two.size ? ['content'] : []),
  ...(one.kind === 'l' && two.kind === 'l' && one.link !== two.link ? ['link'] : []),
  ...(one.mode === two.mode ? [] : ['mode']),
  ...(one.uid === two.uid && one.gid === two.gid ? [] : ['owner']),
  ...(one.major === two.major && one.minor === two.minor ? [] : ['device']),
];

/** Of equal size: with the same time to the nanosecond they are taken to be equal, as rsync(1) does. */
const isDoubtful = (one: Facts, two: Facts): boolean =>
  one.kind === 'f' &&
  two.kind === 'f' &&
  one.size === two.size &&
  (one.mtime.seconds !== two.mtime.seconds || one.mtime.nanoseconds !== two.mtime.nanoseconds);

/** A name that is not UTF-8 cannot be asked for: such a file counts as changed. */
async function differs(host: Host, from: string, to: string, path: string): Promise<boolean> {
  if (Buffer.from(Buffer.from(path, 'latin1').toString()).toString('latin1') !== path) return true;
  const [left, right] = await Promise.all([content(host, from, path), content(host, to, path)]);
  return left !== right;
}

async function content(host: Host, data: string, path: string): Promise<string> {
  const { createHash } = await import('node:crypto');
  const hash = createHash('sha256');
  // Beneath the volume, by descriptors: names are latin1 text, one character a byte.
  const inside = `/${Buffer.from(path, 'latin1').toString()}`;
  for await (const file of await packTree(host, hostReach(data), inside)) {
    let at = 0;
    const { segments, stored, size } = file;
    hash.update(JSON.stringify([size]));
    const pieces = segments.length > 0 ? segments : [[0, stored] as const];
    const zeros = (upTo: number) => {
      for (; at < upTo; at += Math.min(1 << 20, upTo - at)) hash.update(Buffer.alloc(Math.min(1 << 20, upTo - at)));
    };
    const left = pieces.map(([offset, length]) => ({ offset, length }));
    for await (const chunk of file.data()) {
      let rest = chunk;
      while (rest.length > 0) {
        while (left[0]?.length === 0) left.shift();
        zeros(left[0]!.offset);
        const part = rest.subarray(0, left[0]!.length);
        hash.update(part);
        at += part.length;
        left[0] = { offset: left[0]!.offset + part.length, length: left[0]!.length - part.length };
        rest = rest.subarray(part.length);
      }
    }
    zeros(size);
  }
  return hash.digest('hex');
}

const shown = (path: string): string => (path === '' ? '.' : Buffer.from(path, 'latin1').toString());

/** From the first to the second, in order of names. */
export async function diffVolumes(host: Host, from: string, to: string): Promise<readonly VolumeChange[]> {
  await host.instance();
  const one = await attached(host, from);
  try {
    const two = await attached(host, to);
    try {
      return await compare(host, one.data, two.data);
    } finally {
      await two.release();
    }
  } finally {
    await one.release();
  }
}

async function compare(host: Host, from: string, to: string): Promise<readonly VolumeChange[]> {
  const [before, after] = await Promise.all([read(host, from), read(host, to)]);
  const changes: VolumeChange[] = [];
  for (const path of [...new Set([...before.files.keys(), ...after.files.keys()])].sort()) {
    const [one, two] = [before.files.get(path), after.files.get(path)];
    if (one === undefined || two === undefined) {
      changes.push({ path: shown(path), kind: one === undefined ? 'added' : 'removed', what: [] });
      continue;
    }
    const what = [...hasOwn(one, two)];
    if (before.names.get(path) !== after.names.get(path)) what.push('names');
    if (isDoubtful(one, two)) {
      if (await differs(host, from, to, path)) what.unshift('content');
    }
    if (what.length > 0) changes.push({ path: shown(path), kind: 'changed', what });
  }
  return changes;
}
