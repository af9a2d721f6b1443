/** Many supervisors at once: what they cost. */

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { slowness } from '../../helpers/slowness.ts';
import { CLONE, LAUNCHERS, makeContainer, openWorkshop } from '../launcher/probe-container.ts';

describe('many supervisors', () => {
  test('fifty start in about what the kernel needs, and weigh little', async () => {
    const workshop = openWorkshop(LAUNCHERS[0][1]());
    const containers = Array.from({ length: 50 }, () =>
      makeContainer(workshop, [['sleep', '100000']], { setup: [{ op: 'unshare', flags: CLONE.NEWNET }] }),
    );
    await workshop.launcher.run([]);
    const begin = performance.now();
    await Promise.all(containers.map((container) => container.start()));
    expect(performance.now() - begin).toBeLessThan(3000 * slowness); // about 70 ms on an idle machine of two cores
    const { pid } = containers[20]!.state().supervisor;
    const kilobytes = /Private_Dirty: +(\d+) kB/.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'));
    expect(Number(kilobytes?.[1])).toBeLessThan(256);
    await Promise.all(containers.map((container) => container.stop()));
    await workshop.close();
  });
});
