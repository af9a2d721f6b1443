/** Copies files between a service's container and this host, with the grammar of `docker compose cp`. */
import { posix } from 'node:path';
import { TcomposeError } from '../model/errors.ts';
import type { LiveContainer } from '../model/live.ts';
import { isActive } from '../plan/inputs.ts';
import { isOneOff, serviceOf } from '../plan/labels.ts';
import { withLock } from './carry-out.ts';
import type { Context, Target } from './context.ts';
import { checkServices, type Found, find, oneOf } from './lives.ts';

export interface CopyEnd {
  /** Absent: on this host. */
  readonly service?: string;
  readonly path: string;
}

export interface CpOptions {
  readonly source: CopyEnd;
  readonly destination: CopyEnd;
  readonly index?: number;
  /** One-offs too. */
  readonly all?: boolean;
  readonly followLink?: boolean;
  /** What is copied in belongs to the user that the container runs as. */
  readonly archive?: boolean;
  readonly cwd: string;
  readonly input: NodeJS.ReadableStream;
  /** Gets the tar stream of `SERVICE:PATH -`. */
  readonly output: (tar: NodeJS.ReadableStream) => Promise<void>;
}

/** `SERVICE:PATH`, or a path of this host: absolute, relative with a dot first, or without a colon. */
export function copyEnd(word: string): CopyEnd {
  const colon = word.indexOf(':');
  if (word.startsWith('/') || word.startsWith('.') || colon < 1) return { path: word };
  return { service: word.slice(0, colon), path: word.slice(colon + 1) };
}

/** Names of the containers that took part. From a service: its first container; to it: all of them. */
export async function cp(context: Context, target: Target, options: CpOptions): Promise<readonly string[]> {
  const { source, destination } = options;
  if (source.service !== undefined && destination.service !== undefined)
    throw usage('copying between services is not supported', 'copy to this host first, or through `-`');
  const service = source.service ?? destination.service;
  if (service === undefined) throw usage('unknown copy direction', 'name one end as SERVICE:PATH');
  if (destination.service !== undefined && destination.path === '')
    throw usage(`no such directory: ${destination.service}: names no path`, 'write SERVICE:/ for the root');
  const found = await find(context, target);
  const containers = targeted(found, target, service, options);
  if (source.service !== undefined) {
    await copyFrom(context, containers[0]!, options);
    return [containers[0]!.name];
  }
  if (source.path === '-' && containers.length > 1)
    throw usage(
      `service ${service} has ${containers.length} containers, and standard input can be read once`,
      'name one with --index',
    );
  const copy = () => Promise.all(containers.map((live) => copyTo(context, live, options)));
  // What does not run is written through a mount of our own: nobody may start it meanwhile.
  await (containers.every(isActive) ? copy() : withLock(context, target.name, 'cp', copy));
  return containers.map(({ name }) => name);
}

function targeted(found: Found, target: Target, service: string, { index, all }: CpOptions): readonly LiveContainer[] {
  if (index) return [oneOf(found, target, service, index)];
  checkServices(found, target, [service]);
  const containers = found.containers.filter(
    (live) => serviceOf(live) === service && (all === true || !isOneOff(live)),
  );
  if (containers.length > 0) return containers;
  throw new TcomposeError(`no container found for service "${service}"`, {
    code: 'no-such-container',
    address: `service/${service}`,
    help: `create it:\n  tcompose create ${service}`,
  });
}

/** What a path ends in counts, and `resolve` would take it away. */
function absolute(path: string, cwd: string): string {
  const clean = posix.resolve(cwd, path);
  const ending = path === '.' || path.endsWith('/.') ? '/.' : path.endsWith('/') ? '/' : '';
  return clean === '/' ? `${clean}${ending.slice(1)}` : `${clean}${ending}`;
}

async function copyFrom({ engine }: Context, { name }: LiveContainer, options: CpOptions): Promise<void> {
  const { path: from } = options.source;
  const { path: to } = options.destination;
  const followLink = options.followLink === true;
  if (to === '-') await options.output(await engine.containers.copyFrom(name, from, { followLink }));
  else await engine.containers.copyOut(name, { from, to: absolute(to, options.cwd), followLink });
}

async function copyTo({ engine }: Context, { name }: LiveContainer, options: CpOptions): Promise<void> {
  const { path: from } = options.source;
  const { path: to } = options.destination;
  const keepIds = options.archive !== true;
  if (from === '-') await engine.containers.copyTo(name, to, options.input, { keepIds });
  else {
    const followLink = options.followLink === true;
    await engine.containers.copyIn(name, { from: absolute(from, options.cwd), to, followLink, keepIds });
  }
}

const usage = (message: string, help: string) => new TcomposeError(message, { code: 'usage', help, exitCode: 2 });
