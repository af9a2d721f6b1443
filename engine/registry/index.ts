/** The registry room's only door: what a name means in its registry, the documents and contents behind it, and putting them there. */
import { createHash } from 'node:crypto';
import { TcomposeError } from '../../src/model/errors.ts';
import type { Registry, RegistryContent } from '../../src/model/registry.ts';
import { DIGEST, fullReference, parseReference } from '../image/reference.ts';
import { streamBlob } from './blob-stream.ts';
import { openClient } from './client.ts';
import type { Credentials } from './docker-config.ts';
import { hostOf } from './endpoints.ts';
import { badAnswer, unreachable } from './failures.ts';
import { ACCEPTED } from './media-types.ts';
import { openPushes } from './push.ts';
import type { Answer } from './request.ts';

/** As docker and containerd have it: more is an attack. */
const MAX_MANIFEST_BYTES = 4 << 20;
/** Of an answer that says no. */
const MAX_WORDS_BYTES = 1 << 20;

type Environment = Readonly<Record<string, string | undefined>>;

/** Throws unless the registry lets these in. */
export async function openRegistryFor(
  domain: string,
  credentials: Credentials,
  env: Environment,
  signal?: AbortSignal,
): Promise<void> {
  const { ask, endpointOf } = openClient(env, signal);
  const endpoint = await endpointOf(domain);
  endpoint.credentials = Promise.resolve(credentials);
  await ask({ image: domain, reference: { name: domain }, path: '', method: 'GET', maxBytes: MAX_WORDS_BYTES });
}

export function openRegistry(env: Environment, signal?: AbortSignal): Registry {
  const client = openClient(env, signal);
  const { ask } = client;
  const manifest = async (image: string): Promise<RegistryContent> => {
    const reference = parseReference(image);
    const path = `manifests/${reference.digest ?? reference.tag ?? 'latest'}`;
    const { body, headers, url } = await ask({
      image,
      reference,
      path,
      method: 'GET',
      headers: { accept: ACCEPTED },
      maxBytes: MAX_MANIFEST_BYTES,
    });
    const digest = digestOf(body);
    checkDigest(url, digest, reference.digest ?? headerDigest(headers));
    return { mediaType: headers['content-type']?.split(';', 1)[0]?.trim() ?? '', digest, bytes: body };
  };

  return {
    ...openPushes(client, signal),
    manifest,
    pin: async (image) => {
      const reference = parseReference(image);
      // A digest decides, and the tag beside it says nothing.
      if (reference.digest !== undefined) return fullReference(reference);
      const path = `manifests/${reference.tag ?? 'latest'}`;
      // HEAD is not counted by registries that count.
      const known = headerDigest(
        (
          await ask({ image, reference, path, method: 'HEAD', headers: { accept: ACCEPTED }, maxBytes: 0 }).catch(
            onlyMissing,
          )
        ).headers,
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
      }).catch(notWhole(image, digest));
      if (body.length !== size) throw badAnswer(url, `answers with ${body.length} bytes in place of ${size}`);
      checkDigest(url, digestOf(body), digest);
      return body;
    },
    stream: (image, { digest, size }, start = 0) => {
      const reference = parseReference(image);
      if (!DIGEST.test(digest)) throw invalidDigest(image, digest);
      const path = `blobs/${digest}`;
      const open = (from: number) =>
        ask({ image, reference, path, method: 'GET', maxBytes: MAX_WORDS_BYTES, from }).catch(notWhole(image, digest));
      return streamBlob(
        open,
        { from: start, size },
        (error) => unreachable(image, hostOf(reference.name.split('/', 1)[0]!), error),
        signal,
      );
    },
  };
}

/** Its manifest was there: it is not the name that is wrong. */
const notWhole = (image: string, digest: string) => (error: unknown) => {
  if (!(error instanceof TcomposeError) || error.code !== 'image-not-found') throw error;
  throw new TcomposeError(`${image} is not whole in its registry: ${digest} is not there`, {
    code: 'registry-answer',
    address: `image/${image}`,
    help: 'ask who pushed it to push it again',
    cause: error,
  });
};

/** Some registries do not know HEAD; what is really wrong, GET will say in words. */
function onlyMissing(error: unknown): { headers: Answer['headers'] } {
  if (error instanceof TcomposeError && ['registry-failed', 'image-not-found'].includes(error.code))
    return { headers: {} };
  throw error;
}

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
