/** Random names from the kernel itself: loading node:crypto for them would take longer than most of what a short command does. */
import { closeSync, openSync, readSync } from 'node:fs';

/** Hexadecimal digits, two a byte. */
export function randomHex(bytes: number): string {
  const buffer = Buffer.alloc(bytes);
  const file = openSync('/dev/urandom', 'r');
  try {
    readSync(file, buffer, 0, bytes, null);
  } finally {
    closeSync(file);
  }
  return buffer.toString('hex');
}
