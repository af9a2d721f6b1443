/** The keys after which a client leaves and the program stays: Docker's grammar, `ctrl-p,ctrl-q`. */
import { TcomposeError } from '../../src/model/errors.ts';

export const DEFAULT_DETACH_KEYS = 'ctrl-p,ctrl-q';

/** The bytes that the terminal sends for them; '' is none: nobody leaves by keys. */
export function parseDetachKeys(text: string): Uint8Array {
  if (text === '') return new Uint8Array();
  return Uint8Array.from(text.split(','), (key) => {
    if (key.length === 1 && key.charCodeAt(0) < 128) return key.charCodeAt(0);
    const [, letter] = /^ctrl-([a-z@[\\\]^_])$/i.exec(key) ?? [];
    if (letter !== undefined) return letter.toUpperCase().charCodeAt(0) & 0x1f;
    throw new TcomposeError(`--detach-keys cannot be "${text}": there is no key "${key}"`, {
      code: 'usage',
      help: 'use letters, or ctrl- and one of a-z @ [ \\ ] ^ _, with commas between them: ctrl-p,ctrl-q',
      exitCode: 2,
    });
  });
}

/** Looks at what is typed. The beginning of a sequence is held back until it is one, or is none. */
export function detachWatch(sequence: Uint8Array) {
  let matched = 0;
  return {
    /** What goes to the program; `left`: the sequence is complete, and nothing after it counts. */
    take(typed: Uint8Array): { readonly bytes: Uint8Array; readonly left: boolean } {
      const out: number[] = [];
      for (const byte of typed) {
        if (sequence.length > 0 && byte === sequence[matched]) {
          matched += 1;
          if (matched === sequence.length) return { bytes: Uint8Array.from(out), left: true };
          continue;
        }
        out.push(...sequence.subarray(0, matched));
        matched = byte === sequence[0] ? 1 : 0;
        if (matched === 0) out.push(byte);
      }
      return { bytes: Uint8Array.from(out), left: false };
    },
  };
}
