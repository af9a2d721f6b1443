/** Pulls exact amounts out of a stream of chunks, without copying more than a chunk's edge. */

export class ByteReader {
  readonly #source: AsyncIterator<Uint8Array>;
  #chunk: Buffer = Buffer.alloc(0);
  #ended = false;
  /** Bytes handed out so far. */
  offset = 0;
  /** Hears of all bytes that are handed out or skipped while it is there. (`peek` tells nothing, and its bytes come again.) */
  onTaken: ((bytes: Buffer) => void) | undefined;

  readonly #jump: ((bytes: number) => boolean) | undefined;

  /** `jump`: passes over so many bytes of the source that were not given yet; false: it ends before. */
  constructor(source: AsyncIterable<Uint8Array>, jump?: (bytes: number) => boolean) {
    this.#source = source[Symbol.asyncIterator]();
    this.#jump = jump;
  }

  async #fill(): Promise<boolean> {
    while (this.#chunk.length === 0 && !this.#ended) {
      const next = await this.#source.next();
      if (next.done === true) this.#ended = true;
      else this.#chunk = Buffer.from(next.value.buffer, next.value.byteOffset, next.value.byteLength);
    }
    return this.#chunk.length > 0;
  }

  #take(bytes: number): Buffer {
    const taken = this.#chunk.subarray(0, bytes);
    this.#chunk = this.#chunk.subarray(bytes);
    this.offset += taken.length;
    this.onTaken?.(taken);
    return taken;
  }

  /** What has arrived, `most` bytes of it at most; empty at the end. */
  async some(most: number): Promise<Buffer> {
    return (await this.#fill()) ? this.#take(most) : Buffer.alloc(0);
  }

  /** That many bytes, fewer only where the stream ends. */
  async exactly(bytes: number): Promise<Buffer> {
    if (this.#chunk.length >= bytes) return this.#take(bytes);
    const parts: Buffer[] = [];
    let missing = bytes;
    while (missing > 0) {
      const part = await this.some(missing);
      if (part.length === 0) break;
      parts.push(part);
      missing -= part.length;
    }
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
  }

  /** The first bytes again, for a look at what comes. */
  async peek(bytes: number): Promise<Buffer> {
    const { onTaken } = this;
    this.onTaken = undefined;
    const start = await this.exactly(bytes);
    this.onTaken = onTaken;
    this.offset -= start.length;
    this.#chunk = this.#chunk.length === 0 ? start : Buffer.concat([start, this.#chunk]);
    return start.subarray();
  }

  /** False: the stream ended before. */
  async skip(bytes: number): Promise<boolean> {
    let missing = bytes;
    while (missing > 0) {
      if (this.#chunk.length === 0 && this.#jump !== undefined) {
        this.offset += missing;
        return this.#jump(missing);
      }
      const part = await this.some(missing);
      if (part.length === 0) return false;
      missing -= part.length;
    }
    return true;
  }

  /** All that is left. */
  async *rest(): AsyncGenerator<Buffer> {
    for (let part = await this.some(1 << 20); part.length > 0; part = await this.some(1 << 20)) yield part;
  }

  /** Tells the source that no more is wanted. */
  async close(): Promise<void> {
    this.#ended = true;
    this.#chunk = Buffer.alloc(0);
    await this.#source.return?.();
  }
}
