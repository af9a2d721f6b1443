/** For crash.test.ts: does what its arguments say, to be killed while it does. */
import { createEngine } from '../../../engine/index.ts';
import type { DesiredContainer, DesiredNetwork } from '../../../src/model/desired.ts';

export interface Orders {
  readonly paths: { readonly root: string; readonly run: string };
  readonly launcher: string;
  readonly verb: 'up' | 'down';
  readonly network: DesiredNetwork;
  readonly containers: readonly DesiredContainer[];
}

export async function obey({ paths, launcher, verb, network, containers }: Orders): Promise<void> {
  const engine = createEngine({ paths, launcher });
  const names = containers.map(({ name }) => name);
  const failures: Error[] = [];
  if (verb === 'up') {
    await engine.networks.create([network]);
    failures.push(...(await engine.containers.create(containers.map((container) => ({ container })))).failed.values());
    failures.push(...(await engine.containers.start(names)).failed.values());
  } else {
    failures.push(...(await engine.containers.remove(names, { anonymousVolumes: true })).failed.values());
    await engine.networks.remove([network.name]);
  }
  await engine.close();
  if (failures.length > 0) throw failures[0];
}

const [orders] = process.argv.slice(2);
if (orders?.startsWith('{')) await obey(JSON.parse(orders) as Orders);
