/** SOURCE_DATE_EPOCH: no file of a layer is younger. Names may be any bytes. */
import { lstat, lutimes, readdir } from 'node:fs/promises';

const SLASH = Buffer.from('/');

/** Folders after what is in them. `folder` itself stays as it is: it is no part of the layer. */
export async function clampTimes(folder: string, epoch: number): Promise<void> {
  await clampMembers(Buffer.from(folder), epoch);
}

async function clampMembers(folder: Buffer, epoch: number): Promise<void> {
  for (const name of await readdir(folder, { encoding: 'buffer' })) {
    const path = Buffer.concat([folder, SLASH, name]);
    const status = await lstat(path);
    if (status.isDirectory()) await clampMembers(path, epoch);
    if (status.mtimeMs > epoch * 1000) await lutimes(path, epoch, epoch);
  }
}
