/** What runs in a container: the image's configuration with the service's laid over it, as Docker merges them at create. */
import type { DesiredContainer, DesiredHealthcheck } from '../../model/desired.ts';
import { durationMs } from '../quantities.ts';
import { refuse, type ServiceScope } from './scope.ts';

/**
 * An entrypoint of one's own drops the image's command; without one both come from the image. `command: []` means none.
 * `entrypoint: []` keeps the image's command, `['']` does not (moby's merge).
 */
export function argv(scope: ServiceScope): readonly string[] {
  const { service, image } = scope;
  const entrypoint = service.entrypoint ?? undefined;
  const ownCommand = service.command ?? undefined;
  const dropsCommand = entrypoint !== undefined && entrypoint.length > 0;
  const command = ownCommand ?? (dropsCommand ? [] : (image.config.cmd ?? []));
  const start = entrypoint ?? image.config.entrypoint ?? [];
  const result = [...(start.length === 1 && start[0] === '' ? [] : start), ...command];
  if (result.length > 0) return result;
  throw refuse(scope, `service ${scope.name} has no command, and its image has none either`, ['image'], {
    code: 'no-command',
    help: 'add `command:` to the service',
  });
}

/** A variable without a value that the project's environment does not know either is taken away, the image's included. */
export function env({ service, image }: ServiceScope): Readonly<Record<string, string>> {
  const result = new Map<string, string>();
  for (const entry of image.config.env) {
    const split = entry.indexOf('=');
    if (split > 0) result.set(entry.slice(0, split), entry.slice(split + 1));
  }
  for (const [key, value] of Object.entries(service.environment ?? {})) {
    if (value === null) result.delete(key);
    else result.set(key, value);
  }
  return Object.fromEntries(result);
}

export function stop({ service, image }: ServiceScope): DesiredContainer['stop'] {
  const grace = service.stop_grace_period;
  return {
    signal: service.stop_signal ?? (image.config.stopSignal || 'SIGTERM'),
    graceMs: grace === undefined ? 10_000 : durationMs(grace),
  };
}

/** Each unset field comes from the image, and what neither has from Docker's defaults (engine-behaviour 7). */
export function healthcheck({ service, image }: ServiceScope): DesiredHealthcheck | undefined {
  const own = service.healthcheck;
  const theirs = image.config.healthcheck;
  const test = own?.test?.length ? own.test : theirs?.test;
  if (own?.disable || !test?.length || test[0] === 'NONE') return undefined;
  const pick = (text: string | undefined, nanoseconds: number | undefined, fallback: number) =>
    (text === undefined ? 0 : durationMs(text)) || Math.round((nanoseconds ?? 0) / 1e6) || fallback;
  return {
    test: probe(test, image.config.shell),
    intervalMs: pick(own?.interval, theirs?.interval, 30_000),
    timeoutMs: pick(own?.timeout, theirs?.timeout, 30_000),
    retries: own?.retries || theirs?.retries || 3,
    startPeriodMs: pick(own?.start_period, theirs?.startPeriod, 0),
    startIntervalMs: pick(own?.start_interval, theirs?.startInterval, 5_000),
  };
}

function probe(test: readonly string[], shell: readonly string[] | undefined): readonly string[] {
  if (test[0] === 'CMD-SHELL') return [...(shell?.length ? shell : ['/bin/sh', '-c']), ...test.slice(1)];
  return test[0] === 'CMD' ? test.slice(1) : test;
}

interface DeployedPolicy {
  readonly condition?: string;
  readonly max_attempts?: number;
  readonly delay?: string;
  readonly window?: string;
}

/** deploy.restart_policy wins over restart, as in Compose. */
export function restart({ service }: ServiceScope): DesiredContainer['restart'] {
  const deployed = service.deploy?.restart_policy as DeployedPolicy | undefined;
  if (deployed) {
    const { condition, max_attempts: maxRetries = 0, delay, window } = deployed;
    const policy = condition === 'none' ? 'no' : condition === 'on-failure' ? 'on-failure' : 'always';
    const [delayMs, windowMs] = [delay, window].map((text) => (text ? durationMs(text) : 0));
    return { policy, maxRetries, ...(delayMs ? { delayMs } : {}), ...(windowMs ? { windowMs } : {}) };
  }
  const [policy = 'no', max] = (service.restart || 'no').split(':');
  return { policy: policy as DesiredContainer['restart']['policy'], maxRetries: Number(max ?? 0) };
}
