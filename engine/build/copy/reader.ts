/** Looks into a tree by the launcher (engine/launcher/read_files.c): by descriptor, beneath its root, following nothing. */
import type { Readable } from 'node:stream';
import { TcomposeError } from '../../../src/model/errors.ts';
import { ROOT } from '../../files/container-root.ts';
import { type Running, recordsOf, start } from '../../files/file-program.ts';
import type { RecordStream } from '../../files/record-stream.ts';
import type { Host } from '../../host.ts';
import type { LaunchOp } from '../../launcher/ops.ts';
import { type Listing, readListing } from './listing.ts';

export interface Lister {
  /** Path relative to the root, raw bytes as latin1, no component a link; '': the root. */
  list(path: string): Promise<Listing>;
  /** Never throws. */
  close(): Promise<void>;
}

const serve = (host: Host, reach: readonly LaunchOp[]): Promise<Running> =>
  start(host, [...reach, { op: 'read-files', root: ROOT }], ['pipe', 'pipe']);

/** Answers come in the order of the questions, so those that wait stand in a line. */
export async function openLister(host: Host, reach: readonly LaunchOp[]): Promise<Lister> {
  const running = await serve(host, reach);
  const stdin = running.child.stdin!;
  const waiting: { readonly path: string; done(listing: Listing): void; fail(error: Error): void }[] = [];
  let next = 0;
  let rest: Buffer = Buffer.alloc(0);
  stdin.on('error', () => undefined); // the reason comes with the exit
  running.child.stdout!.on('data', (chunk: Buffer) => {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let at = 0;
    for (let asked = waiting[next]; asked !== undefined; asked = waiting[next]) {
      const read = readListing(bytes, at, asked.path);
      if (read === undefined) break;
      next++;
      at = read.end;
      asked.done(read.listing);
    }
    rest = bytes.subarray(at);
  });
  const ended = running.ended.then(() => {
    const why =
      running.failure() ??
      new TcomposeError('reading files ended early: the launcher was killed', { code: 'launch-failed' });
    for (const { fail } of waiting.splice(next)) fail(why);
  });
  return {
    list: (path) =>
      new Promise((done, fail) => {
        waiting.push({ path, done, fail });
        if (running.child.exitCode !== null || running.child.signalCode !== null)
          void ended.then(() => fail(running.failure() ?? new Error('the launcher has ended')));
        else stdin.write(`l${path}\0`, 'latin1');
      }),
    async close() {
      stdin.end();
      await ended;
    },
  };
}

/** A record for each path, in this order, with its identity as the first of its attributes. What is gone or changes meanwhile ends it with an error. */
export async function readFiles(
  host: Host,
  reach: readonly LaunchOp[],
  paths: readonly string[],
): Promise<RecordStream> {
  const running = await serve(host, reach);
  const stdin = running.child.stdin!;
  stdin.on('error', () => undefined);
  (running.child.stdout as Readable).on('error', () => undefined);
  stdin.end(paths.map((path) => `p${path}\0`).join(''), 'latin1');
  return recordsOf(running);
}
