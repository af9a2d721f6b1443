/** Whose a container or network of the library is: a process. When that has ended, what it left is anybody's to remove. */
import type { Engine } from '../../src/model/engine.ts';
import { isAlive, startTimeOf } from '../state/process.ts';

/** Value: process id and start time, `1234-567890`. */
const OWNER_LABEL = 'tcompose.owner';

export const ownerLabel = (): Readonly<Record<string, string>> => ({
  [OWNER_LABEL]: `${process.pid}-${startTimeOf(process.pid) ?? '0'}`,
});

type Labelled = { readonly name: string; readonly madeFrom: { readonly labels: Readonly<Record<string, string>> } };

/** What no program has made is nobody's. */
function isAbandoned({ madeFrom }: Labelled): boolean {
  const [, pid, startTime] = /^(\d+)-(\d+)$/.exec(madeFrom.labels[OWNER_LABEL] ?? '') ?? [];
  return pid !== undefined && startTime !== undefined && !isAlive({ pid: Number(pid), startTime });
}

/** Containers, their anonymous volumes and networks of programs that have ended without `close`. What cannot be removed stays for the next. */
export async function removeAbandoned(engine: Pick<Engine, 'snapshot' | 'containers' | 'networks'>): Promise<void> {
  const { containers, networks } = await engine.snapshot({ networkDamage: false });
  const namesOf = (all: readonly Labelled[]) => all.filter(isAbandoned).map(({ name }) => name);
  const [lost, lostNetworks] = [namesOf(containers), namesOf(networks)];
  if (lost.length > 0) await engine.containers.remove(lost, { anonymousVolumes: true });
  if (lostNetworks.length > 0) await engine.networks.remove(lostNetworks).catch(() => undefined);
}
