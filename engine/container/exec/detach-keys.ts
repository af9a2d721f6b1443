/** The keys after which a client leaves its container: `ctrl-p,ctrl-q`, seen in what is typed, wherever the pieces are cut. */
import { TcomposeError } from '../../../src/model/errors.ts';

export interface Seen {
  /** What goes to the container: the keys themselves do not. */
  readonly pass: Buffer;
  readonly detached: boolean;
}

/** `''`: none, all goes through. */
export function detachKeys(words: string): (bytes: Buffer) => Seen {
  const keys = words === '' ? [] : words.split(',').map(byteOf);
  let held = 0;
  return (bytes) => {
    if (keys.length === 0) return { pass: bytes, detached: false };
    const pass: number[] = [];
    for (const byte of bytes) {
      if (byte === keys[held]) {
        held += 1;
        if (held === keys.length) return { pass: Buffer.from(pass), detached: true };
        continue;
      }
      // What was held back was meant after all; this byte may begin anew.
      pass.push(...keys.slice(0, held));
      held = byte === keys[0] ? 1 : 0;
      if (held === 0) pass.push(byte);
    }
    return { pass: Buffer.from(pass), detached: false };
  };
}

const CONTROL = '@abcdefghijklmnopqrstuvwxyz[\\]^_';

function byteOf(word: string): number {
  if (word.length === 1) return word.charCodeAt(0);
  const code = word.startsWith('ctrl-') && word.length === 6 ? CONTROL.indexOf(word[5]!.toLowerCase()) : -1;
  if (code >= 0) return code;
  throw new TcomposeError(`"${word}" is not a key to leave with`, {
    code: 'usage',
    help: 'write characters and ctrl-CHARACTER, with commas between: ctrl-p,ctrl-q',
    exitCode: 2,
  });
}
