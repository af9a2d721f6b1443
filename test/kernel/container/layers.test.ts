/** Images of as many layers as there may be, in a state folder with a long name. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Engine } from '../../../src/model/engine.ts';
import { dockerArchive, type Entry } from '../../helpers/image-archive.ts';
import { type Instance, makeInstance, nothingIsLeft, removeInstance } from '../../helpers/instance.ts';
import { busyboxTar } from '../../helpers/small-image.ts';
import { aContainer, openEngine, outputOf } from './a-container.ts';

let instance: Instance;
let engine: Engine;
beforeAll(async () => {
  const made = await makeInstance();
  instance = {
    ...made,
    root: join(made.root, '..', 'a-long-name-of-some-eighty-letters'.repeat(2)),
  };
  engine = openEngine(instance);
});
afterAll(async () => {
  await engine.close();
  await nothingIsLeft(instance);
  await removeInstance(instance);
});

const busybox = async (): Promise<readonly Entry[]> => [
  { name: 'bin/', type: 'directory' },
  {
    name: 'bin/sh',
    mode: 0o755,
    content: execFileSync('tar', ['-xOf', await busyboxTar(), './bin/busybox'], { maxBuffer: 1 << 24 }),
  },
];

test('125 layers make one root, the later ones on top, and fill a volume', async () => {
  const numbered = Array.from({ length: 124 }, (_, index): readonly Entry[] => [
    { name: 'data/', type: 'directory' },
    { name: 'data/last', content: `${index}` },
    { name: `data/${index}`, content: '' },
  ]);
  const archive = await dockerArchive({ ref: 'tall:1', layers: [await busybox(), ...numbered] });
  const [loaded] = await engine.images.load(Readable.from([archive]));
  const container = aContainer(loaded!.id, 'tall', {
    user: '7',
    argv: ['sh', '-c', 'set -- /data/*; read last < /data/last; echo $# $last'],
    mounts: [{ kind: 'volume', target: '/data', readOnly: false, noCopy: false }],
  });
  expect(await outputOf(engine, container)).toBe('125 123');
});

test('programs find what Docker puts into every container: the mark of a container, and the table of mounts', async () => {
  const archive = await dockerArchive({ ref: 'bare:1', layers: [await busybox()] });
  const [loaded] = await engine.images.load(Readable.from([archive]));
  const container = aContainer(loaded!.id, 'bare', {
    argv: [
      'sh',
      '-c',
      'test -f /.dockerenv && while read line; do case $line in "proc /proc "*) echo yes;; esac; done < /etc/mtab',
    ],
  });
  expect(await outputOf(engine, container)).toBe('yes');
});
