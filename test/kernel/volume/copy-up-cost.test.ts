/** What the first copy costs: about what cp(1) takes for the same files. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeTar } from '../../unit/image/tar-writer.ts';
import { importTar, openStore } from '../image/a-store.ts';
import { dataOf, instance, make, mount, volumes } from './a-volume-store.ts';

test('a thousand files and 100 MiB are copied in at most twice the time of cp -a, each way alternately three times', async () => {
  const entries = Array.from({ length: 1000 }, (_, i) => ({ name: `big/d${i % 10}/f${i}`, data: 'x'.repeat(100_000) }));
  const images = openStore(instance);
  const image = await importTar(images, makeTar(...entries));
  const layers = await images.layerPaths(image.id);
  const plain = join(instance.root, 'plain');
  const times: { ours: number; cp: number }[] = [];
  const timed = async (work: () => unknown): Promise<number> => {
    const before = performance.now();
    await work();
    return performance.now() - before;
  };
  for (const round of [0, 1, 2]) {
    await make(`big${round}`);
    rmSync(plain, { recursive: true, force: true });
    mkdirSync(plain);
    const cp = await timed(() => execFileSync('cp', ['-a', `${layers[0]}/big/.`, plain]));
    const ours = await timed(() => volumes.seed([mount(`big${round}`, '/big')], layers));
    times.push({ ours, cp });
    expect(execFileSync('find', [dataOf(`big${round}`), '-type', 'f'], { encoding: 'utf8' }).split('\n')).toHaveLength(
      1001,
    );
    await volumes.remove([`big${round}`]);
  }
  rmSync(plain, { recursive: true });
  const ratios = times.map(({ ours, cp }) => ours / cp).sort((a, b) => a - b);
  expect(ratios[0], JSON.stringify(times)).toBeLessThan(2);
});
