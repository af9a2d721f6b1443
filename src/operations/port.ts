/** The host address that a port of a service is published at. */
import { TcomposeError } from '../model/errors.ts';
import type { Context, Target } from './context.ts';
import { find, oneOf } from './lives.ts';

export interface PortOptions {
  readonly service: string;
  readonly port: number;
  readonly protocol?: string;
  readonly index?: number;
}

/** `0.0.0.0:8080` */
export async function port(context: Context, target: Target, options: PortOptions): Promise<string> {
  const { service, port: wanted, protocol = 'tcp', index } = options;
  const live = oneOf(await find(context, target), target, service, index);
  const found = live.publishers.find((one) => one.target === wanted && one.protocol === protocol);
  if (!found) {
    throw new TcomposeError(`no port ${wanted}/${protocol} for container ${live.name}`, {
      code: 'no-such-port',
      address: `container/${live.name}`,
      help: `published: ${live.publishers.map((one) => `${one.target}/${one.protocol}`).join(', ') || 'none'}`,
    });
  }
  const host = found.hostIp || '0.0.0.0';
  return `${host.includes(':') ? `[${host}]` : host}:${found.published}`;
}
