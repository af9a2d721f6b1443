/** The keys by which a client leaves. */
import { expect, test } from 'vitest';
import { detachWatch, parseDetachKeys } from '../../../engine/streams/detach-keys.ts';

const type = (keys: string, ...typed: string[]) => {
  const watch = detachWatch(parseDetachKeys(keys));
  const taken = typed.map((text) => watch.take(Buffer.from(text, 'latin1')));
  return taken.map(({ bytes, left }) => `${Buffer.from(bytes).toString('latin1')}${left ? ' left' : ''}`);
};

test('keys are letters and control characters, as Docker writes them', () => {
  expect([...parseDetachKeys('ctrl-p,ctrl-q')]).toEqual([16, 17]);
  expect([...parseDetachKeys('a,ctrl-@,ctrl-[,ctrl-\\,ctrl-],ctrl-^,ctrl-_')]).toEqual([97, 0, 27, 28, 29, 30, 31]);
  expect(parseDetachKeys('')).toHaveLength(0);
  for (const wrong of ['ctrl-', 'ctrl-1', 'f1', ',', 'é'])
    expect(() => parseDetachKeys(wrong)).toThrow(`--detach-keys cannot be "${wrong}"`);
});

test('a sequence ends the session, also when it comes in pieces; what stands before it is passed on', () => {
  expect(type('ctrl-p,ctrl-q', 'abc\x10\x11ignored')).toEqual(['abc left']);
  expect(type('ctrl-p,ctrl-q', 'a\x10', '\x11')).toEqual(['a', ' left']);
});

test('a beginning that comes to nothing is passed on late, and may itself begin another', () => {
  expect(type('ctrl-p,ctrl-q', '\x10', 'x')).toEqual(['', '\x10x']);
  expect(type('ctrl-p,ctrl-q', '\x10\x10\x11')).toEqual(['\x10 left']);
  expect(type('', '\x10\x11')).toEqual(['\x10\x11']);
});
