/** The merged file system of a container as one tar stream, without what is mounted on it. */
import { Readable } from 'node:stream';
import type { Host } from '../host.ts';
import { mergedRoot, recordOf } from './container-root.ts';
import { packTree } from './file-program.ts';
import type { PackedFile, RecordStream } from './record-stream.ts';
import { writeTar } from './tar-writer.ts';

/** As Docker's export: names without a slash in front, the root itself left out. */
export async function exportContainer(host: Host, name: string): Promise<NodeJS.ReadableStream> {
  const record = recordOf(host, name);
  const files = await packTree(host, await mergedRoot(host, record, { writable: false }), '/');
  return Readable.from(writeTar(members(files), { sparse: false }), { objectMode: false });
}

async function* members(files: RecordStream): AsyncGenerator<PackedFile> {
  for await (const file of files) if (file.path !== '') yield file;
}
