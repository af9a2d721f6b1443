/** `--filter` of the network commands: Docker's keys (docs.docker.com/reference/cli/docker/network/ls). */
import { isDefaultBridge } from '../model/default-bridge.ts';
import { TcomposeError } from '../model/errors.ts';
import type { LiveContainer, LiveNetwork } from '../model/live.ts';
import { attachedTo } from '../plan/objects.ts';

export interface NetworkFilter {
  readonly key: string;
  readonly value: string;
}

export const LS_FILTERS = ['dangling', 'driver', 'id', 'label', 'name', 'scope', 'type'] as const;
export const PRUNE_FILTERS = ['label', 'label!', 'until'] as const;

/** `key=value`; throws a usage error naming the keys there are. */
export function parseFilters(texts: readonly string[], keys: readonly string[]): readonly NetworkFilter[] {
  return texts.map((text) => {
    const [, key = '', value = ''] = /^([a-z]+!?)=(.*)$/s.exec(text) ?? [];
    if (keys.includes(key)) return { key, value };
    throw new TcomposeError(`--filter ${text} is not known`, {
      code: 'usage',
      help: `possible: ${keys.map((one) => `${one}=VALUE`).join(', ')}`,
      exitCode: 2,
    });
  });
}

/** Values of one key are alternatives, but for labels, which must all be there. */
export function passesAll(
  filters: readonly NetworkFilter[],
  network: LiveNetwork,
  containers: readonly LiveContainer[],
): boolean {
  const keys = new Set(filters.map(({ key }) => key));
  return [...keys].every((key) => {
    const own = filters.filter((filter) => filter.key === key);
    const is = (filter: NetworkFilter) => passes(filter, network, containers);
    return key === 'label' ? own.every(is) : own.some(is);
  });
}

export function passes(
  { key, value }: NetworkFilter,
  { name, id, madeFrom, createdAt }: LiveNetwork,
  containers: readonly LiveContainer[],
): boolean {
  switch (key) {
    case 'name':
      return name.includes(value);
    case 'id':
      return id.startsWith(value);
    case 'driver':
      return madeFrom.driver === value;
    case 'scope':
      return value === 'local';
    case 'type':
      return isDefaultBridge(name) === (value === 'builtin');
    case 'dangling':
      return containers.some((live) => attachedTo(live, name)) !== /^(1|true)$/i.test(value);
    case 'until':
      return Date.parse(createdAt) < momentOf(value);
    default: {
      const [label = '', wanted] = value.split(/=(.*)/s);
      const has = Object.hasOwn(madeFrom.labels, label) && (wanted === undefined || madeFrom.labels[label] === wanted);
      return has === (key === 'label');
    }
  }
}

const UNITS = { s: 1000, m: 60_000, h: 3_600_000 } as const;

/** A moment, or how long ago it was: `10m`, `1h30m`. */
export function momentOf(text: string): number {
  const parts = /^(\d+[smh])+$/.test(text) ? [...text.matchAll(/(\d+)([smh])/g)] : [];
  if (parts.length > 0)
    return Date.now() - parts.reduce((sum, [, number, unit]) => sum + Number(number) * UNITS[unit as 's'], 0);
  const moment = /^\d{9,}$/.test(text) ? Number(text) * 1000 : Date.parse(text);
  if (!Number.isNaN(moment)) return moment;
  throw new TcomposeError(`--filter until=${text} is no moment`, {
    code: 'usage',
    help: 'write 10m, 1h30m or 2026-01-31T12:00:00Z',
    exitCode: 2,
  });
}
