/** What runs in a container: the image's configuration with the service's laid over it, as Docker merges them at create. */
import type { DesiredContainer, DesiredHealthcheck } from '../../model/desired.ts';
import { mergedArgv, mergedEnv, mergedHealthcheck } from '../../model/image-config.ts';
import { durationMs } from '../quantities.ts';
import { refuse, type ServiceScope } from './scope.ts';

export function argv(scope: ServiceScope): readonly string[] {
  const { service, image } = scope;
  const own = { entrypoint: service.entrypoint ?? undefined, command: service.command ?? undefined };
  const result = mergedArgv(image.config, own);
  if (result.length > 0) return result;
  throw refuse(scope, `service ${scope.name} has no command, and its image has none either`, ['image'], {
    code: 'no-command',
    help: 'add `command:` to the service',
  });
}

/** A variable without a value that the project's environment does not know either is taken away, the image's included. */
export const env = ({ service, image }: ServiceScope): Readonly<Record<string, string>> =>
  mergedEnv(image.config, service.environment ?? {});

export function stop({ service, image }: ServiceScope): DesiredContainer['stop'] {
  const grace = service.stop_grace_period;
  return {
    signal: service.stop_signal ?? (image.config.stopSignal || 'SIGTERM'),
    graceMs: grace === undefined ? 10_000 : durationMs(grace),
  };
}

export function healthcheck({ service, image }: ServiceScope): DesiredHealthcheck | undefined {
  const own = service.healthcheck;
  if (own?.disable) return undefined;
  const ms = (text: string | undefined) => (text === undefined ? 0 : durationMs(text));
  return mergedHealthcheck(image.config, {
    test: own?.test,
    intervalMs: ms(own?.interval),
    timeoutMs: ms(own?.timeout),
    retries: own?.retries ?? 0,
    startPeriodMs: ms(own?.start_period),
    startIntervalMs: ms(own?.start_interval),
  });
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
