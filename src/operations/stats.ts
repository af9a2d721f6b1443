/** What the containers of a project use: two readings of each, and the figures that Docker makes of them. */
import type { ContainerStats } from '../model/engine.ts';
import type { LiveContainer } from '../model/live.ts';
import { isActive } from '../plan/inputs.ts';
import type { Context, Target } from './context.ts';
import { find, ofServices } from './lives.ts';

export interface StatsOptions {
  readonly services?: readonly string[];
  /** Those that do not run too. */
  readonly all?: boolean;
  readonly noTrunc?: boolean;
  /** Between the readings. */
  readonly intervalMs: number;
  /** One reading only. */
  readonly once: boolean;
}

/** `--format json` prints exactly this, one object a line: the keys and words of docker stats. */
export interface StatsRow {
  readonly BlockIO: string;
  readonly CPUPerc: string;
  readonly Container: string;
  readonly ID: string;
  readonly MemPerc: string;
  readonly MemUsage: string;
  readonly Name: string;
  readonly NetIO: string;
  readonly PIDs: string;
}

/** A page of rows, sorted by name, an interval after the other. Containers that come and go meanwhile do so here too. */
export async function* stats(
  context: Context,
  target: Target,
  options: StatsOptions,
): AsyncGenerator<readonly StatsRow[]> {
  let before = new Map<string, ContainerStats>();
  for (let page = 0; ; page += 1) {
    const found = await find(context, target);
    const containers = ofServices(found, target, options.services)
      .filter((live) => options.all === true || isActive(live))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
    const read = await Promise.all(
      containers.map(async (live) => [live.id, await context.engine.containers.stats(live.name)] as const),
    );
    const now = new Map(read.flatMap(([id, one]) => (one === undefined ? [] : [[id, one] as const])));
    if (page > 0 || now.size === 0)
      yield containers.map((live) => statsRow(live, now.get(live.id), before.get(live.id), options.noTrunc === true));
    if (options.once && (page > 0 || now.size === 0)) return;
    before = now;
    await pause(options.intervalMs, context.signal);
    if (context.signal.aborted) return;
  }
}

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
    signal.addEventListener('abort', done);
  });

export function statsRow(
  { id, name }: Pick<LiveContainer, 'id' | 'name'>,
  now: ContainerStats | undefined,
  before: ContainerStats | undefined,
  noTrunc: boolean,
): StatsRow {
  const pair = (a: number, b: number, words: (bytes: number) => string) => `${words(a)} / ${words(b)}`;
  const { memoryBytes = 0, memoryLimitBytes = 0, pids = 0 } = now ?? {};
  const { receivedBytes, sentBytes } = now?.network ?? { receivedBytes: 0, sentBytes: 0 };
  const { readBytes, writtenBytes } = now?.blockIo ?? { readBytes: 0, writtenBytes: 0 };
  return {
    BlockIO: pair(readBytes, writtenBytes, decimalSize),
    CPUPerc: percent(cpuShare(now, before)),
    Container: id,
    ID: noTrunc ? id : id.slice(0, 12),
    MemPerc: percent(memoryLimitBytes > 0 ? memoryBytes / memoryLimitBytes : 0),
    MemUsage: pair(memoryBytes, memoryLimitBytes, binarySize),
    Name: name,
    NetIO: pair(receivedBytes, sentBytes, decimalSize),
    PIDs: String(pids),
  };
}

/** Of one processor: two that are busy are 200%. Docker divides by the host's own time and multiplies by its processors: the same. */
function cpuShare(now: ContainerStats | undefined, before: ContainerStats | undefined): number {
  if (now === undefined || before === undefined || now.atMs <= before.atMs) return 0;
  return Math.max(0, now.cpuUs - before.cpuUs) / 1000 / (now.atMs - before.atMs);
}

const percent = (share: number): string => `${(100 * share).toFixed(2)}%`;

/** Go's %.4g and %.3g: so many digits, no zeros at the end. */
const sized = (bytes: number, base: number, digits: number, units: readonly string[]): string => {
  let [value, unit] = [bytes, 0];
  for (; value >= base && unit < units.length - 1; unit += 1) value /= base;
  return `${Number(value.toPrecision(digits))}${units[unit]}`;
};
export const binarySize = (bytes: number): string => sized(bytes, 1024, 4, ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']);
export const decimalSize = (bytes: number): string => sized(bytes, 1000, 3, ['B', 'kB', 'MB', 'GB', 'TB', 'PB']);
