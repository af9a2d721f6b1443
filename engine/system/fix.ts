/** Removes leftovers: processes first, since they hold all the rest. */
import { rmdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import type { Leftover } from '../../src/model/engine.ts';
import { TcomposeErrors } from '../../src/model/errors.ts';
import { killGroup } from '../container/resources/kill-group.ts';
import type { Host } from '../host.ts';
import { containerRun } from '../state/paths.ts';
import { stop } from '../supervise/control.ts';

const MNT_DETACH = 2;

export async function removeLeftovers(host: Host, leftovers: readonly Leftover[]): Promise<void> {
  const failures: Error[] = [];
  const attempt = async (work: () => Promise<unknown>) => {
    try {
      await work();
    } catch (error) {
      failures.push(error as Error);
    }
  };
  const of = (kind: Leftover['kind']) => leftovers.filter((leftover) => leftover.kind === kind);
  const owners = new Set(
    leftovers.map(({ owner }) => owner).filter((owner) => owner !== undefined && /^[0-9a-f]{64}$/.test(owner)),
  );
  await Promise.all(
    of('process').map(({ owner }) => attempt(() => stop(containerRun(host.paths, owner!), { signal: 9, graceMs: 0 }))),
  );
  await Promise.all([...owners].map((owner) => attempt(() => killGroup(host, owner!))));
  await Promise.all(
    of('mount').map(({ name }) =>
      attempt(async () => (await host.session()).run([{ op: 'umount', path: name, flags: MNT_DETACH }])),
    ),
  );
  if (of('interface').length + of('chain').length > 0) {
    const network = await import('../network/index.ts');
    const names = of('interface').map(({ name }) => name);
    await attempt(async () => network.removeLeftovers(await host.networkContext(), await host.records(), names));
  }
  // Children before parents, which is the order they were found in.
  for (const { name } of of('cgroup')) await attempt(async () => removeGroup(name));
  await Promise.all(of('file').map(({ name }) => attempt(() => rm(name, { recursive: true, force: true }))));
  if (failures.length > 0) throw new TcomposeErrors(failures);
}

function removeGroup(folder: string): void {
  try {
    rmdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
