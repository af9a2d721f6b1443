/** Ports as `docker compose ps` lists them: each with its twin of IPv6, those that keep their numbers as ranges (docker/cli, DisplayablePorts). */
import type { LivePort } from '../model/live.ts';

export interface Publisher {
  /** '' for a port that is exposed and not published. */
  readonly URL: string;
  readonly TargetPort: number;
  readonly PublishedPort: number;
  readonly Protocol: string;
}

/** `exposed`: `80/tcp`, `8000-8003/udp` and the like; what is published is not told twice. By port of the container, then by address. */
export function publishersOf(ports: readonly LivePort[], exposed: readonly string[] = []): readonly Publisher[] {
  const published = ports.flatMap(({ hostIp, target, published, protocol }) =>
    (hostIp === '' ? ['0.0.0.0', '::'] : [hostIp]).map(
      (URL): Publisher => ({ URL, TargetPort: target, PublishedPort: published, Protocol: protocol }),
    ),
  );
  const known = new Set(published.map(({ TargetPort, Protocol }) => `${TargetPort}/${Protocol}`));
  const only = [...new Set(exposed)].flatMap((text): Publisher[] => {
    const [, port, Protocol] = /^(\d+)\/(\w+)$/.exec(text) ?? [];
    if (port === undefined || Protocol === undefined || known.has(text)) return [];
    return [{ URL: '', TargetPort: Number(port), PublishedPort: 0, Protocol }];
  });
  return [...published, ...only].sort(
    (a, b) =>
      a.TargetPort - b.TargetPort ||
      compare(a.URL, b.URL) ||
      a.PublishedPort - b.PublishedPort ||
      compare(a.Protocol, b.Protocol),
  );
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** `publishers` in the order of publishersOf. Ranges first as they end, then the last of each place, then what changes its number. */
export function portsWords(publishers: readonly Publisher[]): string {
  const open = new Map<string, { first: number; last: number }>();
  const [ranges, maps]: [string[], string[]] = [[], []];
  for (const { URL, TargetPort, PublishedPort, Protocol } of publishers) {
    if (URL !== '' && PublishedPort !== TargetPort) {
      maps.push(`${hostWords(URL)}:${PublishedPort}->${TargetPort}/${Protocol}`);
      continue;
    }
    const key = `${URL}/${Protocol}`;
    const range = open.get(key);
    if (range?.last === TargetPort - 1) {
      range.last = TargetPort;
      continue;
    }
    if (range) ranges.push(rangeWords(key, range));
    open.set(key, { first: TargetPort, last: TargetPort });
  }
  return [...ranges, ...[...open].map(([key, range]) => rangeWords(key, range)), ...maps].join(', ');
}

function rangeWords(key: string, { first, last }: { first: number; last: number }): string {
  const [URL = '', protocol] = key.split('/');
  const numbers = first === last ? `${first}` : `${first}-${last}`;
  return `${URL === '' ? '' : `${hostWords(URL)}:${numbers}->`}${numbers}/${protocol}`;
}

const hostWords = (URL: string): string => (URL.includes(':') ? `[${URL}]` : URL);
