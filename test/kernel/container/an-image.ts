/** Images that mean harm: busybox, and what a test puts into its root filesystem. */
import { execFileSync } from 'node:child_process';
import { createReadStream, mkdtempSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Engine } from '../../../src/model/engine.ts';
import type { Instance } from '../../helpers/instance.ts';
import { busyboxTar } from '../../helpers/small-image.ts';

let count = 0;

/** Id of an image whose root filesystem `change` has changed. */
export async function anImage(engine: Engine, instance: Instance, change: (root: string) => void): Promise<string> {
  count += 1;
  const root = mkdtempSync(join(dirname(instance.root), 'image-'));
  try {
    execFileSync('tar', ['-xf', await busyboxTar(), '-C', root]);
    change(root);
    execFileSync('tar', ['-C', root, '--sparse', '--owner=0', '--group=0', '-cf', `${root}.tar`, '.']);
    const { id } = await engine.images.import(createReadStream(`${root}.tar`), `odd:${count}`, { changes: [] });
    return id;
  } finally {
    rmSync(root, { recursive: true, force: true });
    rmSync(`${root}.tar`, { force: true });
  }
}
