/**
 * Putting contents and manifests into a repository (distribution-spec, "Pushing"). A content is sent in pieces of bounded size, each with
 * its own answer: what breaks is asked about and sent again from memory, so nothing has to be made twice.
 */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RegistryPushes } from '../../src/model/registry.ts';
import { DIGEST, parseReference, type Reference } from '../image/reference.ts';
import type { Client, Request } from './client.ts';
import { badAnswer } from './failures.ts';
import type { Answer } from './request.ts';
import { ATTEMPTS, backOff, isPassingError, isPassingStatus } from './retry.ts';

const PIECE_BYTES = 8 << 20;
/** Of answers: words of refusals. */
const MAX_WORDS_BYTES = 1 << 20;
const PUSH = { actions: 'pull,push' } as const;
const MADE = [201, 202, 204];

interface Upload {
  readonly image: string;
  readonly reference: Reference;
  place: URL;
  /** Bytes that the registry has. */
  sent: number;
}

export function openPushes({ ask }: Client, signal?: AbortSignal): RegistryPushes {
  const request = (wanted: Omit<Request, 'maxBytes' | 'scope'> & Pick<Partial<Request>, 'scope'>) =>
    ask({ scope: PUSH, maxBytes: MAX_WORDS_BYTES, ...wanted });

  const begin = async (image: string, reference: Reference): Promise<Upload> => {
    const answer = await request({ image, reference, path: 'blobs/uploads/', method: 'POST', accepted: MADE });
    return { image, reference, place: placeIn(answer), sent: 0 };
  };
  const cancel = async ({ image, reference, place }: Pick<Upload, 'image' | 'reference' | 'place'>): Promise<void> => {
    // Registries forget what is not finished; who does not know DELETE does so, too.
    await request({ image, reference, path: place, method: 'DELETE', accepted: MADE, isOnce: true }).catch(() => {});
  };

  /** Where the registry stands, after something broke. */
  const whereIs = async (upload: Upload): Promise<void> => {
    const { image, reference, place } = upload;
    const answer = await request({ image, reference, path: place, method: 'GET', accepted: MADE });
    const [, last] = /^(?:bytes=)?0-(\d+)$/.exec(answer.headers.range ?? '') ?? [];
    // `0-0` is written of nothing, and of one byte: then the byte is sent again, which the registry refuses, and the content is sent anew.
    upload.sent = last === undefined || last === '0' ? 0 : Number(last) + 1;
    if (answer.headers.location !== undefined) upload.place = placeIn(answer);
  };

  /** `piece` begins at `from` of the content. */
  const sendPiece = async (upload: Upload, piece: Buffer, from: number): Promise<void> => {
    for (let attempt = 0; upload.sent < from + piece.length; ) {
      const { image, reference, place, sent } = upload;
      const body = piece.subarray(sent - from);
      if (sent < from || sent > from + piece.length) throw badAnswer(place, `has lost what was sent to it`);
      const headers = {
        'content-type': 'application/octet-stream',
        'content-range': `${sent}-${sent + body.length - 1}`,
      };
      try {
        const answer = await request({
          ...{ image, reference, path: place, method: 'PATCH', body, headers },
          ...{ accepted: [...MADE, 408, 429, 500, 502, 503, 504], isOnce: true },
        });
        if (!isPassingStatus(answer.status)) {
          upload.place = placeIn(answer);
          upload.sent = sent + body.length;
          attempt = 0;
          continue;
        }
        if (++attempt >= ATTEMPTS) throw badAnswer(place, `answers with status ${answer.status} again and again`);
      } catch (error) {
        if (signal?.aborted || ++attempt >= ATTEMPTS || !isPassingError(rootOf(error))) throw error;
      }
      await sleep(backOff(attempt - 1, Math.random()), undefined, signal && { signal });
      await whereIs(upload);
    }
  };

  const finish = async (upload: Upload, digest: string, rest: Buffer): Promise<void> => {
    const { image, reference } = upload;
    const place = new URL(upload.place);
    place.searchParams.set('digest', digest);
    const headers = { 'content-type': 'application/octet-stream' };
    await request({
      image,
      reference,
      path: place,
      method: 'PUT',
      body: rest,
      headers,
      accepted: MADE,
      isOnce: true,
    }).catch(async (error) => {
      // The answer may be what was lost.
      if ((await sizeOf(image, digest).catch(() => undefined)) === undefined) throw error;
    });
  };

  const sizeOf = async (image: string, digest: string): Promise<number | undefined> => {
    const reference = parseReference(image);
    const { status, headers } = await request({
      ...{ image, reference, path: `blobs/${digest}`, method: 'HEAD', accepted: [404] },
    });
    return status === 404 ? undefined : Number(headers['content-length'] ?? Number.NaN);
  };

  return {
    sizeOf,
    mount: async (image, digest, from) => {
      const reference = parseReference(image);
      const path = `blobs/uploads/?mount=${encodeURIComponent(digest)}&from=${encodeURIComponent(from)}`;
      const answer = await request({
        ...{ image, reference, path, method: 'POST', accepted: MADE, scope: { ...PUSH, alsoPull: from } },
      });
      if (answer.status === 201) return true;
      await cancel({ image, reference, place: placeIn(answer) });
      return false;
    },
    send: async (image, bytes, onBytes) => {
      const upload = await begin(image, parseReference(image));
      const hash = createHash('sha256');
      let size = 0;
      try {
        let last: Buffer = Buffer.alloc(0);
        for await (const piece of pieces(bytes)) {
          hash.update(piece);
          if (last.length > 0) {
            await sendPiece(upload, last, size);
            size += last.length;
            onBytes?.(last.length);
          }
          last = piece;
        }
        const digest = `sha256:${hash.digest('hex')}`;
        // All of it in one request where it is small; else the last piece as the others, since PUT with a body is not known everywhere.
        const isWhole = size === 0;
        if (!isWhole) await sendPiece(upload, last, size);
        await finish(upload, digest, isWhole ? last : Buffer.alloc(0));
        onBytes?.(last.length);
        return { digest, size: size + last.length };
      } catch (error) {
        if (!signal?.aborted) await cancel(upload);
        throw error;
      }
    },
    putManifest: async (image, { mediaType, bytes }) => {
      const reference = parseReference(image);
      const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
      const { headers } = await request({
        ...{ image, reference, path: `manifests/${reference.tag ?? reference.digest ?? 'latest'}`, method: 'PUT' },
        ...{ body: Buffer.from(bytes), headers: { 'content-type': mediaType }, accepted: MADE },
      });
      const known = headers['docker-content-digest'];
      return typeof known === 'string' && DIGEST.test(known) ? known : digest;
    },
  };
}

function placeIn({ headers, url }: Answer): URL {
  const { location } = headers;
  if (location === undefined || !URL.canParse(location, url.href))
    throw badAnswer(url, 'takes an upload and does not say where it is to go');
  const place = new URL(location, url);
  if (place.protocol !== 'https:' && place.protocol !== 'http:') throw badAnswer(url, 'leads an upload elsewhere');
  if (place.protocol === 'http:' && url.protocol === 'https:' && place.host !== url.host)
    throw badAnswer(url, `leads an upload from https:// to http://${place.host}`);
  return place;
}

const rootOf = (error: unknown): unknown => (error as { cause?: unknown })?.cause ?? error;

/** Of equal size, the last one shorter. */
async function* pieces(source: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let waiting = Buffer.allocUnsafe(PIECE_BYTES);
  let filled = 0;
  for await (const chunk of source) {
    for (let at = 0; at < chunk.length; ) {
      const part = Math.min(PIECE_BYTES - filled, chunk.length - at);
      waiting.set(chunk.subarray(at, at + part), filled);
      filled += part;
      at += part;
      if (filled < PIECE_BYTES) continue;
      yield waiting;
      waiting = Buffer.allocUnsafe(PIECE_BYTES);
      filled = 0;
    }
  }
  if (filled > 0) yield waiting.subarray(0, filled);
}
