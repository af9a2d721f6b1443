/** The environment of a container's program: what was asked for, over what every container has. */

const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export interface EnvironmentFacts {
  readonly hostname: string;
  readonly home: string;
  readonly tty: boolean;
}

/** `NAME=value` strings; later layers win by name. */
export function environmentOf(
  layers: readonly Readonly<Record<string, string>>[],
  { hostname, home, tty }: EnvironmentFacts,
): readonly string[] {
  const merged: Record<string, string> = Object.assign(
    { PATH: DEFAULT_PATH, HOSTNAME: hostname },
    tty ? { TERM: 'xterm' } : {},
    ...layers,
  ) as Record<string, string>;
  if (!merged['HOME']) merged['HOME'] = home;
  return Object.entries(merged).map(([name, value]) => `${name}=${value}`);
}
