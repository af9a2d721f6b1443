/** An OCI layout that is a folder: read only what is needed, in the order it is needed. */
import { constants, createReadStream } from 'node:fs';
import { open, realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { type Archive, DOCUMENT_BYTES_MAX, memberName, promisedDigest } from './archive.ts';
import { addLayer, digestMismatch, type LayerSink } from './layer-sink.ts';
import { digestOf } from './store.ts';

/** The file behind a name, links resolved: undefined where it is none, or lies outside of the folder. */
const findMember = async (folder: string, name: string): Promise<string | undefined> => {
  const path = await realpath(join(folder, memberName(name))).catch(() => undefined);
  return path?.startsWith(folder + sep) === true ? path : undefined;
};

const readDocument = async (path: string, name: string): Promise<Buffer | undefined> => {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK); // a pipe must not hold us up
  try {
    const stat = await file.stat();
    if (!stat.isFile() || stat.size > DOCUMENT_BYTES_MAX) return undefined;
    const bytes = await file.readFile();
    const promised = promisedDigest(name);
    if (promised !== undefined && digestOf(bytes) !== promised) throw digestMismatch(name, digestOf(bytes));
    return bytes;
  } finally {
    await file.close();
  }
};

export const readArchiveFolder = async (path: string, sink: LayerSink): Promise<Archive> => {
  const folder = await realpath(path);
  return {
    async document(name) {
      const file = await findMember(folder, name);
      return file === undefined ? undefined : readDocument(file, memberName(name));
    },
    async layer(name, diffId) {
      const file = await findMember(folder, name);
      if (file === undefined) return undefined;
      const read = () => createReadStream(file, { highWaterMark: 1 << 20 });
      return addLayer(sink, read, name, { digest: promisedDigest(memberName(name)), diffId });
    },
  };
};
