/** The bytes of a small regular file, or nothing: whoever needs the file says itself that it is missing. */

import { constants } from 'node:fs';
import { open } from 'node:fs/promises';

const LIMIT = 1 << 20;

/** A pipe that lies in wait would keep us waiting for ever: it is opened without that, and not read. */
export async function readSmall(path: string): Promise<Uint8Array | undefined> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY).catch(() => undefined);
  if (file === undefined) return undefined;
  try {
    const stat = await file.stat();
    return stat.isFile() && stat.size <= LIMIT ? await file.readFile() : undefined;
  } finally {
    await file.close();
  }
}
