/**
 * Requests over Node's own http and https, one after the other until an answer counts: redirects, and what passes when waited for.
 *
 * Not undici: redirects have to be followed by hand in any case (a password must not travel to another host), a tunnel through a proxy
 * is the forty lines of connect.ts, certificates are options of an agent, and these modules are in Node already: nothing to install, nothing to load.
 */
import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { trustFor } from './certificates.ts';
import { CONNECT_LIMIT_MS, directRoute, proxyRoute, type Route } from './connect.ts';
import { badAnswer } from './failures.ts';
import { proxyFor } from './proxies.ts';
import { ATTEMPTS, backOff, isPassingError, isPassingStatus, LONGEST_WAIT_MS, retryAfter } from './retry.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface Ask {
  readonly url: URL;
  readonly method?: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** Not tried again: what became of the first try is to be asked first. */
  readonly isOnce?: boolean;
  /** false: the host was declared insecure, any certificate is taken. */
  readonly verify?: boolean;
  /** Whether TLS is spoken there is the question: a connection that breaks is the answer, not an accident. */
  readonly isProbe?: boolean;
  /** Of the body; more is an error. */
  readonly maxBytes: number;
  /** What is asked for (200, 206) is not read here, but comes as `stream`: it may take as long as it likes. */
  readonly isStream?: boolean;
}

export interface Answer {
  readonly url: URL;
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  /** As they came, for headers that may be repeated. */
  readonly headerLines: (name: string) => readonly string[];
  readonly body: Buffer;
  /** Of a stream, which must be read to its end or destroyed; breaks with an error when nothing comes for a minute. */
  readonly stream?: Readable;
}

export interface Requests {
  send(ask: Ask): Promise<Answer>;
}

const MAX_REDIRECTS = 5;
/** Nothing at all for so long: the line is dead. */
const SILENCE_LIMIT_MS = 60_000;
/** For the whole of an answer: what this file reads is small. */
const WHOLE_LIMIT_MS = 180_000;

export function openRequests(env: Environment, signal?: AbortSignal): Requests {
  const routes = new Map<string, Promise<Route>>();
  const routeOf = (url: URL, verify: boolean) => {
    const key = `${verify} ${url.origin}`;
    const known = routes.get(key) ?? makeRoute(url, verify, env);
    routes.set(key, known);
    return known;
  };
  const once = async (ask: Ask): Promise<Answer> => exchange(ask, await routeOf(ask.url, ask.verify !== false), signal);
  return { send: (ask) => patiently(ask, () => redirected(ask, once), signal) };
}

async function makeRoute(url: URL, verify: boolean, env: Environment): Promise<Route> {
  const proxy = proxyFor(url, env);
  const trust = url.protocol === 'https:' ? await trustFor(url.host, env) : {};
  const options = { ...trust, rejectUnauthorized: verify };
  return proxy === undefined ? directRoute(url, options) : proxyRoute(url, proxy, options);
}

async function patiently(
  { isProbe, isOnce }: Ask,
  send: () => Promise<Answer>,
  signal: AbortSignal | undefined,
): Promise<Answer> {
  for (let attempt = 0; ; attempt += 1) {
    const isLast = isOnce || attempt + 1 >= ATTEMPTS;
    let wait = backOff(attempt, Math.random());
    try {
      const answer = await send();
      const asked = retryAfter(answer.headers['retry-after'], Date.now());
      if (isLast || !isPassingStatus(answer.status) || (asked ?? 0) > LONGEST_WAIT_MS) return answer;
      wait = asked ?? wait;
    } catch (error) {
      if (isLast || isProbe || !isPassingError(error)) throw error;
    }
    await sleep(wait, undefined, signal && { signal });
  }
}

async function redirected(ask: Ask, once: (ask: Ask) => Promise<Answer>): Promise<Answer> {
  let current = ask;
  for (let step = 0; ; step += 1) {
    const answer = await once(current);
    const { location } = answer.headers;
    if (![301, 302, 303, 307, 308].includes(answer.status) || location === undefined) return answer;
    if (step >= MAX_REDIRECTS) throw badAnswer(ask.url, `leads on more than ${MAX_REDIRECTS} times`);
    if (!isRead(ask)) throw badAnswer(ask.url, 'leads elsewhere with what was sent to it');
    if (!URL.canParse(location, current.url.href)) throw badAnswer(ask.url, 'leads to something that is no URL');
    current = follow(current, new URL(location, current.url));
  }
}

const isRead = ({ method = 'GET' }: Ask): boolean => method === 'GET' || method === 'HEAD';

/** Storage behind a registry refuses what is meant for the registry, and has no business to see it. */
export function follow(ask: Ask, url: URL): Ask {
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && ask.url.protocol === 'http:'))
    throw badAnswer(ask.url, `leads from ${ask.url.protocol}// to ${url.protocol}//`);
  if (url.origin === ask.url.origin) return { ...ask, url };
  const { authorization: _, ...headers } = ask.headers ?? {};
  // Another host was not declared insecure.
  const { verify: __, ...rest } = ask;
  return { ...rest, url, headers };
}

function exchange(ask: Ask, route: Route, signal: AbortSignal | undefined): Promise<Answer> {
  const { url, method = 'GET', body } = ask;
  // What is sent may be large, and the line slow: then only silence counts.
  const limit = ask.isStream || body instanceof Uint8Array ? undefined : AbortSignal.timeout(WHOLE_LIMIT_MS);
  const signals = [signal, limit].filter((one) => one !== undefined);
  return new Promise((resolve, reject) => {
    const request = route.send(url, {
      method,
      headers: {
        'user-agent': 'tcompose',
        // What intermediaries pack again has another digest.
        'accept-encoding': 'identity',
        ...ask.headers,
        ...(body !== undefined && { 'content-length': String(Buffer.byteLength(body)) }),
      },
      timeout: CONNECT_LIMIT_MS,
      ...(signals.length > 0 && { signal: AbortSignal.any(signals) }),
    });
    const silent = () => request.destroy(Object.assign(new Error('no answer in time'), { code: 'ETIMEDOUT' }));
    request.on('timeout', silent);
    request.on('error', (error) => reject(limit?.aborted ? Object.assign(error, { code: 'ETIMEDOUT' }) : error));
    request.on('response', (response) => {
      response.socket.setTimeout(SILENCE_LIMIT_MS);
      const { statusCode: status = 0, headers } = response;
      const head = { url, status, headers, headerLines: (name: string) => response.headersDistinct[name] ?? [] };
      if (ask.isStream && (status === 200 || status === 206))
        return resolve({ ...head, body: Buffer.alloc(0), stream: response });
      readBody(response, ask).then(
        (read) => resolve({ ...head, body: read }),
        (error) => {
          request.destroy();
          reject(error);
        },
      );
    });
    request.end(body);
  });
}

async function readBody(response: IncomingMessage, { url, maxBytes }: Ask): Promise<Buffer> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > maxBytes) throw badAnswer(url, `answers with more than ${maxBytes} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}
