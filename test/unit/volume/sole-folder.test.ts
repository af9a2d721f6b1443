/** Where a folder of an image may be copied from without merging its layers: only where no layer can hide or add to it. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { soleFolder } from '../../../engine/volume/look-up.ts';

const top = mkdtempSync(join(tmpdir(), 'layers-'));
afterAll(() => rmSync(top, { recursive: true }));

const layer = (name: string, ...folders: string[]): string => {
  for (const folder of ['.', ...folders]) mkdirSync(join(top, name, folder), { recursive: true });
  return join(top, name);
};
const whole = layer('whole', 'var/lib/db');
const parents = layer('parents', 'var/lib');
const others = layer('others', 'usr/lib');
const more = layer('more', 'var/lib/db/x');
const file = layer('file', 'var');
writeFileSync(join(file, 'var/lib'), '');
const link = layer('link');
symlinkSync('usr', join(link, 'var'));

test.each([
  ['one that has it whole', [whole], 0],
  ['with parents below', [whole, parents], 0],
  ['with a link below, which it hides', [whole, link], undefined],
  ['below one that has nothing of it', [others, whole, parents], 1],
  ['below one that has its parents, and may hide it', [parents, whole], undefined],
  ['below one that has a link there', [link, whole], undefined],
  ['above one that adds to it', [whole, more], undefined],
  ['above one that has a file in the way', [whole, file], undefined],
  ['nowhere', [others, parents], undefined],
])('%s', (_how, layers, index) => {
  const found = index === undefined ? undefined : `${layers[index]}/var/lib/db`;
  expect(soleFolder(layers, '/var//lib/./db/')).toBe(found);
});
