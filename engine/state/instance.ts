/** The name of this instance in the kernel: four hexadecimal digits that belong to its root folder. */
import { randomBytes } from 'node:crypto';
import { link, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { TcomposeError } from '../../src/model/errors.ts';
import { makeFolder, readRecord, unfinishedName, writeWhole } from './files.ts';
import type { Paths } from './paths.ts';
import { RECORD_VERSION } from './records.ts';

interface InstanceRecord {
  readonly version: number;
  readonly id: string;
}

const recordPath = (paths: Paths) => join(paths.root, 'instance.json');

/** Undefined: nothing was ever made here. */
export function findInstance(paths: Paths): string | undefined {
  const record = readRecord<InstanceRecord>(recordPath(paths), RECORD_VERSION);
  if (record === undefined) return undefined;
  if (/^[0-9a-f]{4}$/.test(record.id)) return record.id;
  throw new TcomposeError(`the record ${recordPath(paths)} is damaged`, {
    code: 'record-damaged',
    help: 'put back four hexadecimal digits as its id',
  });
}

/** Two that start at once agree on one: link(2) makes the record only where there is none. */
export async function openInstance(paths: Paths): Promise<string> {
  const found = findInstance(paths);
  if (found !== undefined) return found;
  checkPaths(paths);
  makeFolder(paths.root);
  const mine = unfinishedName(recordPath(paths));
  await writeWhole(mine, `${JSON.stringify({ version: RECORD_VERSION, id: randomBytes(2).toString('hex') })}\n`, {
    durable: true,
  });
  try {
    await link(mine, recordPath(paths));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await unlink(mine);
  }
  return findInstance(paths)!;
}

/** Overlay's options are one string, parted by commas and colons. */
function checkPaths({ root, run }: Paths): void {
  const bad = [root, run].find((path) => !/^\/[^,:\\"\s]*$/.test(path));
  if (bad !== undefined) {
    throw new TcomposeError(`the folder "${bad}" cannot hold containers`, {
      code: 'state-folder-unusable',
      help: 'choose an absolute path without blanks, commas, colons, quotes and backslashes',
    });
  }
}
