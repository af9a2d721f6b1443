/** Stops containers: politely, then not; afterwards their ports and names are gone. */
import { join } from 'node:path';
import { TcomposeError } from '../../src/model/errors.ts';
import type { Host } from '../host.ts';
import { readContainerRecords, writeContainerRecord } from '../state/container-records.ts';
import { readText, writeWhole } from '../state/files.ts';
import { containerDir, containerRun } from '../state/paths.ts';
import type { ContainerRecord } from '../state/records.ts';
import { kill, SupervisorGone, stop } from '../supervise/control.ts';
import { endedState } from '../supervise/state-file.ts';
import { killGroup } from './resources/kill-group.ts';
import { EXIT_UNKNOWN, readRuntime } from './runtime.ts';
import { signalNumber } from './signals.ts';
import { noSuchContainer } from './unknown.ts';
import { unpublish } from './update/publish.ts';

export interface StopOptions {
  readonly graceMs?: number;
  readonly signal?: string;
}

export async function stopContainers(
  host: Host,
  names: readonly string[],
  options: StopOptions = {},
): Promise<ReadonlyMap<string, Error>> {
  const failed = new Map<string, Error>();
  const { containers } = await host.records();
  const records = containers.filter((record) => names.includes(record.name));
  await Promise.all(
    records.map(async (record) => {
      try {
        await stopOne(host, record, options);
      } catch (error) {
        failed.set(record.name, error as Error);
      }
    }),
  );
  await unpublish(
    host,
    records.filter((record) => !failed.has(record.name)),
    { stoppedByUser: true },
  );
  return failed;
}

/** Its process and its supervisor are gone when this resolves. What is stopped already stays so. */
export async function stopOne(host: Host, record: ContainerRecord, options: StopOptions): Promise<void> {
  const runtime = readRuntime(host.paths, record);
  // By the record: what its supervisor was told at the start may have been changed in place.
  const { signal = record.madeFrom.stop.signal, graceMs = record.madeFrom.stop.graceMs } = options;
  if (runtime.supervisor !== undefined) {
    await stop(containerRun(host.paths, record.id), { signal: signalNumber(signal), graceMs });
  }
  if (runtime.supervisorLost) await endLost(host, record);
}

/** What a killed supervisor left: its processes end, and its last word is written for it, so that it counts as ended from now on. */
async function endLost(host: Host, record: ContainerRecord): Promise<void> {
  await killGroup(host, record.id);
  const path = join(containerRun(host.paths, record.id), 'state');
  const text = endedState(readText(path) ?? '', { at: new Date().toISOString(), exitCode: EXIT_UNKNOWN });
  await writeWhole(join(containerDir(host.paths, record.id), 'exit'), text, { durable: false });
  await writeWhole(path, text, { durable: false });
}

const SIGKILL = 9;
const SIGTERM = 15;

export async function killContainer(host: Host, name: string, signalName: string): Promise<void> {
  const record = readContainerRecords(host.paths).find((record) => record.name === name);
  if (record === undefined) throw noSuchContainer(name);
  const { supervisor, process: init, supervisorLost } = readRuntime(host.paths, record);
  const signal = signalNumber(signalName);
  if (supervisorLost && init !== undefined) {
    if (signal !== SIGKILL) return void process.kill(init.pid, signal);
    await endLost(host, record);
    return unpublish(host, [record], { stoppedByUser: true });
  }
  if (supervisor === undefined) throw notRunning(name);
  const stopSignal = signalNumber(record.madeFrom.stop.signal || 'TERM');
  try {
    if (signal === SIGKILL) {
      await stop(containerRun(host.paths, record.id), { signal, graceMs: 0 });
      return await unpublish(host, [record], { stoppedByUser: true });
    }
    // As Docker has it: any signal by hand ends the restarting, unless the container has a stop signal of its own.
    await kill(containerRun(host.paths, record.id), signal, signal === stopSignal || stopSignal === SIGTERM);
    // It may take its time: its ports stay until the next change of rules.
    if (signal === stopSignal)
      await writeContainerRecord(host.paths, { ...record, wanted: false, stoppedByUser: true });
  } catch (error) {
    if (error instanceof SupervisorGone) throw notRunning(record.name);
    throw error;
  }
}

export const notRunning = (name: string): TcomposeError =>
  new TcomposeError(`container ${name} is not running`, {
    code: 'container-not-running',
    address: `container/${name}`,
    help: 'start it first',
  });
