/** The image store's only door: what the engine and the other rooms may ask of images. */
import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import type { ImageInfo, Images } from '../../src/model/engine.ts';
import type { Registry } from '../../src/model/registry.ts';
import type { Paths } from '../state/paths.ts';
import { describeImage, findImage, layerLinks, listImages } from './read.ts';
import { makeSlots } from './slots.ts';
import { readCatalogue } from './store.ts';

export { familiarReference, parseReference } from './reference.ts';

export interface ImageStoreOptions {
  readonly paths: Paths;
  /** Path of tcompose-launcher: unpacks what Node cannot make (device nodes, extended attributes). */
  readonly launcher: string;
  /** A folder as the tar of a layer; absent: layers that came as no tar cannot be given away. */
  readonly pack?: (folder: string) => AsyncIterable<Buffer>;
  /** Absent: images cannot be pulled. */
  readonly openRegistry?: (signal: AbortSignal) => Promise<Registry>;
}

/** As dockerd has it. */
const LAYERS_AT_ONCE = 3;

export interface ImageStore extends Omit<Images, 'build' | 'files'> {
  /**
   * The unpacked layers of an image, top first, as overlay's lowerdir wants them: absolute paths of the short links
   * (`images/layers/l/SHORT`), which all share one folder. Throws when the image or a layer is missing. Cached per process.
   */
  layerPaths(imageId: string): Promise<readonly string[]>;
}

async function* counted(
  source: AsyncIterable<Uint8Array>,
  onProgress?: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const chunk of source) {
    bytes += chunk.byteLength;
    onProgress?.(bytes);
    yield chunk;
  }
}

/** Callers give total bytes so far; streams of text would have lost what they carried. */
const bytesOf = (source: NodeJS.ReadableStream, onProgress?: (bytes: number) => void): AsyncIterable<Uint8Array> =>
  counted(source as unknown as AsyncIterable<Uint8Array>, onProgress);

const noRegistry = async (): Promise<never> => {
  throw new Error('this is a bug in tcompose: this store was opened without registries');
};

const noPacking = (): never => {
  throw new Error('this is a bug in tcompose: this store was opened without a way to pack layers');
};

export const openImages = ({
  paths,
  launcher,
  pack = noPacking,
  openRegistry = noRegistry,
}: ImageStoreOptions): ImageStore => {
  const described = new Map<string, Promise<ImageInfo>>();
  const links = new Map<string, readonly string[]>();
  const slots = makeSlots(LAYERS_AT_ONCE);
  const pushSlots = makeSlots(LAYERS_AT_ONCE);
  const describe = async (id: string): Promise<ImageInfo> => describeImage(paths, readCatalogue(paths), id);

  return {
    async find(ref) {
      const catalogue = readCatalogue(paths);
      const found = findImage(catalogue, ref);
      if (found === undefined) return undefined;
      const key = `${found.id} ${catalogue.images[found.id]?.pulledAt} ${JSON.stringify(Object.entries(catalogue.tags).filter(([, id]) => id === found.id))}`;
      const known = described.get(key) ?? describeImage(paths, catalogue, found.id);
      described.set(key, known);
      return known;
    },
    list: () => listImages(paths),
    async layerPaths(imageId) {
      const known = links.get(imageId) ?? layerLinks(paths, imageId);
      links.set(imageId, known);
      return known;
    },
    async import(source, ref, { changes, message, onProgress }) {
      const { importImage } = await import('./import.ts');
      const bytes = bytesOf(source, onProgress);
      return describe(
        await importImage(bytes, { paths, launcher, ref, changes, ...(message !== undefined && { message }) }),
      );
    },
    async load(source, options = {}) {
      const { loadImages } = await import('./load.ts');
      const byPath = 'folder' in source || 'file' in source;
      const loaded = await loadImages(
        async (sink) => {
          if ('folder' in source) return (await import('./archive-folder.ts')).readArchiveFolder(source.folder, sink);
          const found =
            'file' in source ? await (await import('./archive-file.ts')).readArchiveFile(source.file, sink) : undefined;
          if (found !== undefined) return found;
          const stream = 'file' in source ? createReadStream(source.file, { highWaterMark: 1 << 20 }) : source;
          const onProgress = byPath ? undefined : options.onProgress;
          return (await import('./archive-stream.ts')).readArchiveStream(bytesOf(stream, onProgress), sink);
        },
        { paths, launcher, ...(byPath && options) },
      );
      return Promise.all(
        loaded.map(async ({ id, names, displaced }) => ({ ...(await describe(id)), names, displaced })),
      );
    },
    async pull(ref, options = {}) {
      const { pullImage } = await import('./pull.ts');
      const { id, ...outcome } = await pullImage(ref, { ...options, paths, launcher, openRegistry, slots });
      return { image: await describe(id), ...outcome };
    },
    async push(ref, options = {}) {
      const { pushImage } = await import('./push.ts');
      return pushImage(ref, { ...options, paths, launcher, pack, openRegistry, slots: pushSlots });
    },
    async usage() {
      return (await import('./usage.ts')).storeUsage(paths);
    },
    async pruneCache(options) {
      return (await import('./usage.ts')).pruneCache(paths, options);
    },
    async save(refs) {
      const { saveImages } = await import('./save.ts');
      return Readable.from(await saveImages(refs, { paths, launcher, pack }), { objectMode: false });
    },
    async remove(ref, options) {
      described.clear();
      links.clear();
      return (await import('./remove.ts')).removeImage(paths, ref, options);
    },
    async tag(ref, as) {
      const [{ tagImage }, { parseTag }] = await Promise.all([import('./remove.ts'), import('./reference.ts')]);
      await tagImage(paths, ref, parseTag(as));
    },
  };
};
