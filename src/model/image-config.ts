/** What an image's configuration gives where a container has nothing of its own: as Docker merges both when it creates one. */
import type { DesiredHealthcheck } from './desired.ts';
import type { ImageConfig } from './engine.ts';

/**
 * An entrypoint of one's own drops the image's command; without one both come from the image. `command: []` means none.
 * `entrypoint: []` keeps the image's command, `['']` does not (moby's merge). The result may be empty.
 */
export function mergedArgv(
  config: Pick<ImageConfig, 'entrypoint' | 'cmd'>,
  own: { readonly entrypoint?: readonly string[] | undefined; readonly command?: readonly string[] | undefined },
): readonly string[] {
  const dropsCommand = own.entrypoint !== undefined && own.entrypoint.length > 0;
  const command = own.command ?? (dropsCommand ? [] : (config.cmd ?? []));
  const start = own.entrypoint ?? config.entrypoint ?? [];
  return [...(start.length === 1 && start[0] === '' ? [] : start), ...command];
}

/** `null` takes a variable of the image's away. */
export function mergedEnv(
  { env }: Pick<ImageConfig, 'env'>,
  own: Readonly<Record<string, string | null>>,
): Readonly<Record<string, string>> {
  const result = new Map<string, string>();
  for (const entry of env) {
    const split = entry.indexOf('=');
    if (split > 0) result.set(entry.slice(0, split), entry.slice(split + 1));
  }
  for (const [key, value] of Object.entries(own)) {
    if (value === null) result.delete(key);
    else result.set(key, value);
  }
  return Object.fromEntries(result);
}

/** As a file or an image has it: `test` begins with CMD, CMD-SHELL or NONE. Times in milliseconds; 0 is as good as absent. */
export interface OwnHealthcheck {
  readonly test?: readonly string[] | undefined;
  readonly intervalMs?: number;
  readonly timeoutMs?: number;
  readonly retries?: number;
  readonly startPeriodMs?: number;
  readonly startIntervalMs?: number;
}

/** Each unset field comes from the image, and what neither has from Docker's defaults (engine-behaviour 7). */
export function mergedHealthcheck(
  { healthcheck: theirs, shell }: Pick<ImageConfig, 'healthcheck' | 'shell'>,
  own: OwnHealthcheck = {},
): DesiredHealthcheck | undefined {
  const test = own.test?.length ? own.test : theirs?.test;
  if (!test?.length || test[0] === 'NONE') return undefined;
  const pick = (ownMs: number | undefined, nanoseconds: number | undefined, fallback: number) =>
    ownMs || Math.round((nanoseconds ?? 0) / 1e6) || fallback;
  return {
    test: probe(test, shell),
    intervalMs: pick(own.intervalMs, theirs?.interval, 30_000),
    timeoutMs: pick(own.timeoutMs, theirs?.timeout, 30_000),
    retries: own.retries || theirs?.retries || 3,
    startPeriodMs: pick(own.startPeriodMs, theirs?.startPeriod, 0),
    startIntervalMs: pick(own.startIntervalMs, theirs?.startInterval, 5_000),
  };
}

function probe(test: readonly string[], shell: readonly string[] | undefined): readonly string[] {
  if (test[0] === 'CMD-SHELL') return [...(shell?.length ? shell : ['/bin/sh', '-c']), ...test.slice(1)];
  return test[0] === 'CMD' ? test.slice(1) : test;
}
