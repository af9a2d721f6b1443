/** The registry room's only door: what a name means in its registry now, and the documents and small contents behind it. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { TcomposeError } from '../../src/model/errors.ts';
import type { Registry, RegistryContent } from '../../src/model/registry.ts';
import { DIGEST, fullReference, parseReference, type Reference } from '../image/reference.ts';
import { type Authorization, authorize, type Wish } from './authenticate.ts';
import { streamBlob } from './blob-stream.ts';
import { credentialsFor } from './credentials.ts';
import type { Credentials } from './docker-config.ts';
import { hostOf, isDeclaredInsecure, isLoopback, splitHost } from './endpoints.ts';
import { badAnswer, refused, unreachable } from './failures.ts';
import { ACCEPTED } from './media-types.ts';
import { type Answer, openRequests } from './request.ts';

/** As docker and containerd have it: more is an attack. */
const MAX_MANIFEST_BYTES = 4 << 20;
/** Of an answer that says no. */
const MAX_WORDS_BYTES = 1 << 20;

type Environment = Readonly<Record<string, string | undefined>>;

/** One registry host, as far as it is known by now. */
interface Endpoint {
  readonly domain: string;
  readonly host: string;
  readonly verify: boolean;
  scheme: 'https' | 'http';
  /** Without TLS is allowed, and TLS has not worked yet. */
  mayBePlain: boolean;
  readonly authorizations: Map<string, Promise<Authorization | undefined>>;
  credentials?: Promise<Credentials | undefined>;
}

interface Request {
  readonly image: string;
  readonly reference: Reference;
  readonly path: string;
  readonly method: 'GET' | 'HEAD';
  readonly accept?: string;
  readonly maxBytes: number;
  /** As a stream, from this byte on. */
  readonly from?: number;
}

export const openRegistry = (env: Environment, signal?: AbortSignal): Registry => openClient(env, signal);

/** Throws unless the registry lets these in. */
export const openRegistryFor = (
  domain: string,
  credentials: Credentials,
  env: Environment,
  signal?: AbortSignal,
): Promise<void> => openClient(env, signal).check(domain, credentials);

interface Client extends Registry {
  check(domain: string, credentials: Credentials): Promise<void>;
}

function openClient(env: Environment, signal?: AbortSignal): Client {
  const requests = openRequests(env, signal);
  const endpoints = new Map<string, Promise<Endpoint>>();
  const endpointOf = (domain: string) => {
    const known = endpoints.get(domain) ?? makeEndpoint(domain, env);
    endpoints.set(domain, known);
    return known;
  };

  const ask = async (wanted: Request): Promise<Answer> => {
    const [domain = ''] = wanted.reference.name.split('/', 1);
    const endpoint = await endpointOf(domain);
    try {
      return await authorized(endpoint, wanted);
    } catch (error) {
      throw unreachable(wanted.image, endpoint.host, error);
    }
  };

  const authorized = async (endpoint: Endpoint, wanted: Request): Promise<Answer> => {
    const { image, reference } = wanted;
    const repository = repositoryOf(reference, endpoint);
    const scope = repository === '' ? '' : `repository:${repository}:pull`;
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
    if (status === 200 || (status === 206 && wanted.from)) return answer;
    throw refused({
      image,
      domain: endpoint.domain,
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
    const { method, maxBytes, accept, from } = wanted;
    const place = [repositoryOf(wanted.reference, endpoint), wanted.path].filter(Boolean).join('/');
    const request = (scheme: string) =>
      requests.send({
        url: new URL(`${scheme}://${endpoint.host}/v2/${place}`),
        method,
        maxBytes,
        verify: endpoint.verify,
        isProbe: endpoint.mayBePlain && scheme === 'https',
        ...(from !== undefined && { isStream: true }),
        headers: {
          ...(accept && { accept }),
          ...(from && { range: `bytes=${from}-` }),
          ...(used && { authorization: used.header }),
        },
      });
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

  const manifest = async (image: string): Promise<RegistryContent> => {
    const reference = parseReference(image);
    const path = `manifests/${reference.digest ?? reference.tag ?? 'latest'}`;
    const { body, headers, url } = await ask({
      image,
      reference,
      path,
      method: 'GET',
      accept: ACCEPTED,
      maxBytes: MAX_MANIFEST_BYTES,
    });
    const digest = digestOf(body);
    checkDigest(url, digest, reference.digest ?? headerDigest(headers));
    return { mediaType: headers['content-type']?.split(';', 1)[0]?.trim() ?? '', digest, bytes: body };
  };

  return {
    check: async (domain, credentials) => {
      const endpoint = await endpointOf(domain);
      endpoint.credentials = Promise.resolve(credentials);
      await ask({ image: domain, reference: { name: domain }, path: '', method: 'GET', maxBytes: MAX_WORDS_BYTES });
    },
    manifest,
    pin: async (image) => {
      const reference = parseReference(image);
      // A digest decides, and the tag beside it says nothing.
      if (reference.digest !== undefined) return fullReference(reference);
      const path = `manifests/${reference.tag ?? 'latest'}`;
      // HEAD is not counted by registries that count.
      const known = headerDigest(
        (await ask({ image, reference, path, method: 'HEAD', accept: ACCEPTED, maxBytes: 0 }).catch(onlyMissing))
          .headers,
      );
      return `${fullReference(reference)}@${known ?? (await manifest(image)).digest}`;
    },
    blob: async (image, { digest, size }, maxBytes) => {
      const reference = parseReference(image);
      if (!DIGEST.test(digest)) throw invalidDigest(image, digest);
      const { body, url } = await ask({
        image,
        reference,
        path: `blobs/${digest}`,
        method: 'GET',
        maxBytes: Math.min(size, maxBytes),
      });
      if (body.length !== size) throw badAnswer(url, `answers with ${body.length} bytes in place of ${size}`);
      checkDigest(url, digestOf(body), digest);
      return body;
    },
    stream: (image, { digest, size }) => {
      const reference = parseReference(image);
      if (!DIGEST.test(digest)) throw invalidDigest(image, digest);
      const path = `blobs/${digest}`;
      const open = (from: number) => ask({ image, reference, path, method: 'GET', maxBytes: MAX_WORDS_BYTES, from });
      return streamBlob(
        open,
        size,
        (error) => unreachable(image, hostOf(reference.name.split('/', 1)[0]!), error),
        signal,
      );
    },
  };
}

/** Empty: the registry as a whole is meant. */
const repositoryOf = ({ name }: Reference, { domain }: Endpoint): string => name.slice(domain.length + 1);

/** Some registries do not know HEAD; what is really wrong, GET will say in words. */
function onlyMissing(error: unknown): { headers: Answer['headers'] } {
  if (error instanceof TcomposeError && ['registry-failed', 'image-not-found'].includes(error.code))
    return { headers: {} };
  throw error;
}

async function makeEndpoint(domain: string, env: Environment): Promise<Endpoint> {
  const host = hostOf(domain);
  const isInsecure = isDeclaredInsecure(host, await declaredInsecure(env));
  const mayBePlain = isInsecure || isLoopback(splitHost(host).name);
  return { domain, host, verify: !isInsecure, scheme: 'https', mayBePlain, authorizations: new Map() };
}

/** TCOMPOSE_INSECURE_REGISTRIES, and what dockerd was told. */
async function declaredInsecure(env: Environment): Promise<readonly string[]> {
  const home = env['XDG_CONFIG_HOME'] || join(env['HOME'] || homedir(), '.config');
  const files = ['/etc/docker/daemon.json', join(home, 'docker/daemon.json')];
  const lists = await Promise.all(
    files.map(async (file) => {
      try {
        const read = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown> | null;
        const list = read?.['insecure-registries'];
        return Array.isArray(list) ? list.filter((entry): entry is string => typeof entry === 'string') : [];
      } catch {
        // dockerd's to complain about, not ours.
        return [];
      }
    }),
  );
  return [...(env['TCOMPOSE_INSECURE_REGISTRIES'] ?? '').split(/[\s,]+/).filter(Boolean), ...lists.flat()];
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

const digestOf = (bytes: Buffer): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

function headerDigest(headers: Answer['headers']): string | undefined {
  const value = headers['docker-content-digest'];
  return typeof value === 'string' && DIGEST.test(value) ? value : undefined;
}

function checkDigest(url: URL, found: string, wanted: string | undefined): void {
  if (wanted === undefined || wanted === found) return;
  throw new TcomposeError(`${url.host} answers with other bytes than were asked for: ${found} in place of ${wanted}`, {
    code: 'digest-mismatch',
    help: 'do not use it; ask who runs the registry, or the proxy on the way',
  });
}

const invalidDigest = (image: string, digest: string): TcomposeError =>
  new TcomposeError(`${image} refers to ${JSON.stringify(digest)}, which is no sha256 digest`, {
    code: 'registry-answer',
  });
