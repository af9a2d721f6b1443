/** A container's host ports are held by its supervisor while it runs: what it is told, and what it says when one is taken. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TcomposeError } from '../../../src/model/errors.ts';
import type { LivePort } from '../../../src/model/live.ts';
import { LaunchError } from '../../launcher/launcher.ts';
import { encodeHeld, formatPort, heldSockets, holdersOf, portError, type Records } from '../../network/index.ts';
import { containerRun, type Paths } from '../../state/paths.ts';
import type { ContainerRecord } from '../../state/records.ts';
import { hold } from '../../supervise/control.ts';

const EADDRINUSE = 98;
const CODES: Readonly<Record<number, string>> = { [EADDRINUSE]: 'EADDRINUSE', 99: 'EADDRNOTAVAIL', 13: 'EACCES' };

export const writeHeldPorts = (paths: Paths, record: ContainerRecord, { networks }: Pick<Records, 'networks'>): void =>
  writeFileSync(join(containerRun(paths, record.id), 'ports'), encodeHeld(heldSockets(record, networks)), {
    mode: 0o600,
  });

/** The supervisor could not bind one: in plain words, with the process that has it. Any other failure as it is. */
export function portRefused(record: ContainerRecord, { networks }: Pick<Records, 'networks'>, error: Error): Error {
  if (!(error instanceof LaunchError) || error.section !== 'ports') return error;
  const socket = heldSockets(record, networks)[error.index];
  if (socket === undefined) return error;
  const hostIp = socket.family === 'both' ? '' : socket.address;
  const port = { protocol: socket.protocol, hostIp, published: socket.port, target: 0 };
  const code = CODES[error.errno] ?? '';
  if (code === 'EADDRINUSE') return portError([{ container: record.name, port, heldBy: holdersOf(port) }]);
  return portUnusable(record.name, port, code, error) ?? error;
}

const UNUSABLE: Readonly<Record<string, readonly [why: string, help: string]>> = {
  EADDRNOTAVAIL: ['is no address of this host', 'publish on one that `ip address` shows, or leave it out'],
  EACCES: ['may not be bound here', 'choose a port above 1023, or run as root'],
};

/** Undefined for a code that says nothing of the port. */
export function portUnusable(
  container: string,
  port: LivePort,
  code: string,
  cause?: Error,
): TcomposeError | undefined {
  const why = UNUSABLE[code];
  if (why === undefined) return undefined;
  return new TcomposeError(`cannot publish ports of ${container}: ${formatPort(port)} ${why[0]}`, {
    code: 'port-unusable',
    address: `container/${container}`,
    help: why[1],
    ...(cause && { cause }),
  });
}

export interface PortsChange {
  readonly from: ContainerRecord;
  readonly to: ContainerRecord;
}

/** For running containers whose ports change: all let go before any takes, so that ports may move from one to another. */
export async function changeHeldPorts(
  paths: Paths,
  changes: readonly PortsChange[],
  records: Records,
  failed: Map<string, Error>,
): Promise<void> {
  const keysOf = (record: ContainerRecord) =>
    new Set(heldSockets(record, records.networks).map((socket) => JSON.stringify(socket)));
  // Of a change that was not finished nobody knows how far it came.
  const changed = changes.filter(
    ({ from, to }) =>
      from.publishersBefore !== undefined || JSON.stringify([...keysOf(from)]) !== JSON.stringify([...keysOf(to)]),
  );
  const tell = async (record: ContainerRecord) => {
    writeHeldPorts(paths, record, records);
    await hold(containerRun(paths, record.id)).catch((error: Error & { errno?: number }) => {
      failed.set(record.name, error.errno === EADDRINUSE ? takenMeanwhile(record) : error);
    });
  };
  await Promise.all(
    changed.map(async ({ from, to }) => {
      const held = new Set(from.publishersBefore === undefined ? from.publishers.map(placeOf) : []);
      const kept = to.publishers.filter((port) => held.has(placeOf(port)));
      if (from.publishersBefore !== undefined || kept.length < held.size) await tell({ ...to, publishers: kept });
    }),
  );
  await Promise.all(changed.map(async ({ to }) => await tell(to)));
}

const takenMeanwhile = (record: ContainerRecord) =>
  portError(
    record.publishers.map((port) => ({
      container: record.name,
      port,
      heldBy: holdersOf(port),
    })),
  );

const placeOf = ({ protocol, hostIp, published }: ContainerRecord['publishers'][number]): string =>
  `${protocol} ${hostIp} ${published}`;
