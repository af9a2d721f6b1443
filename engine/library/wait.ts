/** Until a container is ready; or an error that says why it will not be, with the end of its log. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Engine } from '../../src/model/engine.ts';
import { TcomposeError } from '../../src/model/errors.ts';
import type { LiveContainer } from '../../src/model/live.ts';
import type { Wait } from './options.ts';

type Containers = Engine['containers'];

const CONNECT_MS = 1_000;
const BETWEEN_TRIES_MS = 50;
const SHOWN_LINES = 20;

interface Waiting {
  readonly containers: Containers;
  /** In the instance. */
  readonly name: string;
  readonly signal: AbortSignal;
}

/** One after the other, all within `timeoutMs`. */
export async function waitFor(
  containers: Containers,
  name: string,
  waits: readonly Wait[],
  timeoutMs: number,
): Promise<void> {
  const end = AbortSignal.timeout(timeoutMs);
  for (const wait of waits) {
    const over = new AbortController();
    const waiting: Waiting = { containers, name, signal: AbortSignal.any([end, over.signal]) };
    try {
      await become(waiting, wait);
    } catch (error) {
      throw await explained(waiting, end.aborted ? notReady(name, wait, timeoutMs) : error);
    } finally {
      over.abort();
    }
  }
}

async function become(waiting: Waiting, wait: Wait): Promise<void> {
  const { containers, name, signal } = waiting;
  if ('healthy' in wait) return containers.await(name, 'healthy', signal);
  if ('completed' in wait) return containers.await(name, 'completed', signal);
  const ready = 'port' in wait ? untilConnected(waiting, wait.port) : untilPrinted(waiting, wait.log);
  // What loses the race ends with the signal, and nobody asks it any more.
  const ended = untilEnded(waiting);
  ended.catch(() => undefined);
  ready.catch(() => undefined);
  if ((await Promise.race([ready.then(() => 'ready'), ended])) === 'ready') return;
  // Its last words may be the ones that are waited for.
  if ('log' in wait && (await hasPrinted(waiting, wait.log))) return;
  throw new TcomposeError(`container ${name} ended before it was ready`, {
    code: 'container-exited',
    address: `container/${name}`,
  });
}

/** Resolves when it has ended, and is not going to be started again. */
async function untilEnded({ containers, name, signal }: Waiting): Promise<'ended'> {
  for await (const { status } of containers.watch(name, signal)) {
    if (status === 'exited' || status === 'dead') return 'ended';
  }
  signal.throwIfAborted();
  return 'ended';
}

async function untilConnected({ containers, name, signal }: Waiting, port: number): Promise<void> {
  for (; ; await sleep(BETWEEN_TRIES_MS, undefined, { signal })) {
    // Looked up each time: it may have been started again.
    const host = addressOf((await containers.find(name))!);
    if (host === undefined) {
      throw new TcomposeError(`container ${name} has no network`, {
        code: 'no-network',
        address: `container/${name}`,
        help: 'wait for a line of its log, or for its health check',
      });
    }
    const socket = connect({ host, port });
    try {
      await once(socket, 'connect', { signal: AbortSignal.any([signal, AbortSignal.timeout(CONNECT_MS)]) });
      return;
    } catch {
      signal.throwIfAborted();
    } finally {
      socket.on('error', () => undefined).destroy();
    }
  }
}

/** From this host. Undefined: it has none. */
export function addressOf({ madeFrom, endpoints }: LiveContainer): string | undefined {
  if (madeFrom.networkMode.kind === 'host') return '127.0.0.1';
  return endpoints[0]?.ipv4 ?? endpoints[0]?.ipv6;
}

const fits = (line: string, wanted: string | RegExp): boolean =>
  typeof wanted === 'string' ? line.includes(wanted) : line.search(wanted) >= 0;

async function untilPrinted({ containers, name, signal }: Waiting, wanted: string | RegExp): Promise<void> {
  for await (const { text } of containers.logs(name, { follow: true }, signal)) {
    if (fits(text.toString(), wanted)) return;
  }
  signal.throwIfAborted();
}

async function hasPrinted({ containers, name }: Waiting, wanted: string | RegExp): Promise<boolean> {
  for await (const { text } of containers.logs(name, { follow: false })) {
    if (fits(text.toString(), wanted)) return true;
  }
  return false;
}

const notReady = (name: string, wait: Wait, timeoutMs: number) =>
  new TcomposeError(`container ${name} was not ready after ${timeoutMs} ms: ${lacking(wait)}`, {
    code: 'not-ready',
    address: `container/${name}`,
    help: 'see what it printed, or give it more time with timeoutMs',
  });

function lacking(wait: Wait): string {
  if ('port' in wait) return `nothing answers on port ${wait.port} of an address that others reach`;
  if ('log' in wait) return `no line of its log has ${typeof wait.log === 'string' ? `"${wait.log}"` : wait.log}`;
  return 'healthy' in wait ? 'its health check has not succeeded' : 'it still runs';
}

/** The same error with the last lines of the log in it, which usually tell why. */
async function explained({ containers, name }: Waiting, error: unknown): Promise<unknown> {
  if (!(error instanceof TcomposeError)) return error;
  const lines: string[] = [];
  try {
    for await (const { text } of containers.logs(name, { follow: false, tail: SHOWN_LINES })) lines.push(`${text}`);
  } catch {
    // Its log is not kept.
  }
  const { code, address, help, message } = error;
  const said = lines.length > 0 ? `; it printed:\n${lines.join('\n')}` : '; it printed nothing';
  return new TcomposeError(message + said, {
    code,
    cause: error,
    ...(address === undefined ? {} : { address }),
    ...(help === undefined ? {} : { help }),
  });
}
