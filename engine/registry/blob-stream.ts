/** A blob as it comes, over as many connections as it takes: what breaks is taken up again by a Range request (RFC 9110 section 14). */
import { setTimeout as sleep } from 'node:timers/promises';
import { badAnswer } from './failures.ts';
import type { Answer } from './request.ts';
import { ATTEMPTS, backOff, isPassingError } from './retry.ts';

/**
 * All of `size` bytes from `from` on, or an error. `open` asks for the rest from a byte on, and goes through the registry each time: where it leads
 * to is often good for minutes only. Gives up after four attempts that brought nothing.
 */
export async function* streamBlob(
  open: (from: number) => Promise<Answer>,
  { from, size }: { readonly from: number; readonly size: number },
  explain: (error: unknown) => unknown,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  let bytes = from;
  if (bytes === size && size > 0) return;
  for (let attempt = 0; ; ) {
    const answer = await open(bytes);
    const before = bytes;
    try {
      for await (const part of rest(answer, bytes, size)) {
        bytes += part.length;
        if (bytes > size) throw badAnswer(answer.url, `answers with more than ${size} bytes`);
        yield part;
      }
      if (bytes === size) return;
      throw badAnswer(answer.url, `answers with ${bytes} bytes in place of ${size}`);
    } catch (error) {
      attempt = bytes > before ? 0 : attempt + 1;
      if (signal?.aborted || attempt >= ATTEMPTS || !isPassingError(error)) throw explain(error);
    } finally {
      answer.stream?.destroy();
    }
    await sleep(backOff(attempt, Math.random()), undefined, signal && { signal });
  }
}

/** Who knows no ranges begins anew: what was had already is passed over. */
async function* rest({ status, headers, stream, url }: Answer, from: number, size: number): AsyncGenerator<Buffer> {
  let over = status === 200 ? from : 0;
  const range = headers['content-range'];
  if (status === 206 && range !== undefined && !range.startsWith(`bytes ${from}-`))
    throw badAnswer(url, `answers with ${range} where bytes from ${from} were asked for`);
  const length = Number(headers['content-length'] ?? Number.NaN);
  if (length > size - (status === 206 ? from : 0)) throw badAnswer(url, `answers with more than ${size} bytes`);
  for await (const part of stream as AsyncIterable<Buffer>) {
    const kept = over === 0 ? part : part.subarray(over);
    over = Math.max(0, over - part.length);
    if (kept.length > 0) yield kept;
  }
}
