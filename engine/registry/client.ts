/** One client of registries: requests to the host behind a name, with the authorization that it asks for. */
import { TcomposeError } from '../../src/model/errors.ts';
import type { Reference } from '../image/reference.ts';
import { type Authorization, authorize, type Wish } from './authenticate.ts';
import { credentialsFor } from './credentials.ts';
import type { Credentials } from './docker-config.ts';
import { hostOf, isDeclaredInsecure, isLoopback, splitHost } from './endpoints.ts';
import { refused, unreachable } from './failures.ts';
import { type Answer, type Ask, openRequests } from './request.ts';
import { type RegistrySettings, readSettings } from './settings.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** One registry host, as far as it is known by now. */
export interface Endpoint {
  readonly domain: string;
  readonly host: string;
  readonly verify: boolean;
  scheme: 'https' | 'http';
  /** Without TLS is allowed, and TLS has not worked yet. */
  mayBePlain: boolean;
  readonly authorizations: Map<string, Promise<Authorization | undefined>>;
  credentials?: Promise<Credentials | undefined>;
}

export interface Request {
  readonly image: string;
  readonly reference: Reference;
  /** Below `/v2/REPOSITORY/`; or a whole URL, as uploads are given one. */
  readonly path: string | URL;
  readonly method: NonNullable<Ask['method']>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  readonly maxBytes: number;
  /** As a stream, from this byte on. */
  readonly from?: number;
  /** What the token has to be good for; pulling unless said. */
  readonly scope?: Scope;
  /** Answers beside 200 that are no failure. */
  readonly accepted?: readonly number[];
  /** Whoever asks knows better what to do when it fails. */
  readonly isOnce?: boolean;
}

export interface Scope {
  readonly actions: 'pull' | 'pull,push';
  /** Another repository of the same registry that is read. */
  readonly alsoPull?: string;
}

export interface Client {
  ask(wanted: Request): Promise<Answer>;
  endpointOf(domain: string): Promise<Endpoint>;
}

export function openClient(env: Environment, signal?: AbortSignal): Client {
  const requests = openRequests(env, signal);
  const endpoints = new Map<string, Promise<Endpoint>>();
  const settings = readSettings(env);
  settings.catch(() => undefined); // told by the first request
  const endpointOf = (domain: string) => {
    const known = endpoints.get(domain) ?? settings.then((all) => makeEndpoint(domain, all));
    endpoints.set(domain, known);
    return known;
  };
  const mirrors = new Map<string, Promise<readonly Endpoint[]>>();
  const mirrorsOf = (domain: string) => {
    const known =
      mirrors.get(domain) ?? settings.then((all) => (all.mirrors.get(domain) ?? []).map((url) => makeMirror(url, all)));
    mirrors.set(domain, known);
    return known;
  };
  const useless = new Set<Endpoint>();

  /** Of a mirror; undefined: whatever is wrong with it, the next is asked. */
  const askMirror = async (mirror: Endpoint, wanted: Request): Promise<Answer | undefined> => {
    try {
      return await authorized(mirror, wanted);
    } catch (error) {
      if (signal?.aborted) throw error;
      // Who does not answer is not waited for again; who has not this one may have others.
      if (!(error instanceof TcomposeError)) useless.add(mirror);
      return undefined;
    }
  };

  const ask = async (wanted: Request): Promise<Answer> => {
    const [domain = ''] = wanted.reference.name.split('/', 1);
    if (wanted.scope === undefined && wanted.reference.name !== domain)
      for (const mirror of await mirrorsOf(domain)) {
        const answer = useless.has(mirror) ? undefined : await askMirror(mirror, wanted);
        if (answer !== undefined) return answer;
      }
    const endpoint = await endpointOf(domain);
    try {
      return await authorized(endpoint, wanted);
    } catch (error) {
      throw unreachable(wanted.image, endpoint.host, error);
    }
  };

  const authorized = async (endpoint: Endpoint, wanted: Request): Promise<Answer> => {
    const { image, reference } = wanted;
    const scope = scopeOf(repositoryOf(reference), wanted.scope);
    const before = endpoint.authorizations.get(scope);
    let used = await before;
    let answer = await send(endpoint, wanted, used);
    if (answer.status === 401) {
      // Asked for once, however many requests wait for it; and again when what there was has run out.
      if (endpoint.authorizations.get(scope) === before) {
        const wish: Wish = { ...endpoint, image, scope, requests, credentials: () => credentialsOf(endpoint) };
        endpoint.authorizations.set(scope, authorize(answer, wish));
      }
      used = await endpoint.authorizations.get(scope);
      if (used !== undefined) answer = await send(endpoint, wanted, used);
    }
    const { status, body, headers } = answer;
    if (status === 200 || (status === 206 && wanted.from) || wanted.accepted?.includes(status)) return answer;
    throw refused({
      image,
      domain: endpoint.domain,
      isPush: wanted.scope?.actions === 'pull,push',
      status,
      body,
      retryAfter: headers['retry-after'],
      known: used?.known ?? false,
    });
  };

  const credentialsOf = (endpoint: Endpoint) => {
    endpoint.credentials ??= credentialsFor(endpoint.domain, env);
    return endpoint.credentials;
  };

  const send = async (endpoint: Endpoint, wanted: Request, used: Authorization | undefined): Promise<Answer> => {
    const { method, maxBytes, from, body } = wanted;
    const request = (scheme: string) => {
      const url = placeOf(wanted, endpoint, scheme);
      const isHere = url.host === endpoint.host;
      return requests.send({
        url,
        method,
        maxBytes,
        // Another host was not declared insecure, and has no business with what is meant for this one.
        ...(isHere && { verify: endpoint.verify }),
        isProbe: endpoint.mayBePlain && scheme === 'https',
        ...(from !== undefined && { isStream: true }),
        ...(body !== undefined && { body }),
        ...(wanted.isOnce && { isOnce: true }),
        headers: {
          ...wanted.headers,
          ...(from && { range: `bytes=${from}-` }),
          ...(used && isHere && { authorization: used.header }),
        },
      });
    };
    try {
      const answer = await request(endpoint.scheme);
      endpoint.mayBePlain = false;
      return answer;
    } catch (error) {
      if (!endpoint.mayBePlain || !isNotTls(error)) throw error;
      const answer = await request('http');
      endpoint.scheme = 'http';
      return answer;
    }
  };

  return { ask, endpointOf };
}

/** What a token is asked for: https://distribution.github.io/distribution/spec/auth/scope */
function scopeOf(repository: string, { actions, alsoPull }: Scope = { actions: 'pull' }): string {
  if (repository === '') return '';
  const also = alsoPull === undefined ? [] : [`repository:${alsoPull}:pull`];
  return [`repository:${repository}:${actions}`, ...also].join(' ');
}

/** Behind a proxy that ends TLS, registries tell places with the scheme that they see themselves. */
function placeOf({ path, reference }: Request, endpoint: Endpoint, scheme: string): URL {
  if (typeof path === 'string') {
    const place = [repositoryOf(reference), path].filter(Boolean).join('/');
    return new URL(`${scheme}://${endpoint.host}/v2/${place}`);
  }
  const url = new URL(path);
  if (url.host === endpoint.host) url.protocol = `${scheme}:`;
  return url;
}

/** Empty: the registry as a whole is meant. */
const repositoryOf = ({ name }: Reference): string => (name.includes('/') ? name.slice(name.indexOf('/') + 1) : '');

function makeEndpoint(domain: string, { insecure }: RegistrySettings): Endpoint {
  const host = hostOf(domain);
  const isInsecure = isDeclaredInsecure(host, insecure);
  const mayBePlain = isInsecure || isLoopback(splitHost(host).name);
  return { domain, host, verify: !isInsecure, scheme: 'https', mayBePlain, authorizations: new Map() };
}

/** Its address says whether it speaks TLS, and it has credentials of its own. */
function makeMirror({ host, protocol }: URL, { insecure }: RegistrySettings): Endpoint {
  const scheme = protocol === 'http:' ? 'http' : 'https';
  return {
    domain: host,
    host,
    verify: !isDeclaredInsecure(host, insecure),
    scheme,
    mayBePlain: false,
    authorizations: new Map(),
  };
}

/** The other side answered something that TLS does not know, or hung up on the attempt. */
const isNotTls = (error: unknown): boolean =>
  [
    'EPROTO',
    'ERR_SSL_WRONG_VERSION_NUMBER',
    'ERR_SSL_PACKET_LENGTH_TOO_LONG',
    'ERR_SSL_HTTP_REQUEST',
    'ECONNRESET',
    'ECONNREFUSED',
  ].includes((error as NodeJS.ErrnoException).code ?? '');
