/** Images as the archive that `docker save` writes since version 25: an OCI layout, with the list of older versions beside it. */

import type { PackedFile } from '../files/record-stream.ts';
import { writeTar } from '../files/tar-writer.ts';
import { NOTHING } from '../launcher/unpack.ts';
import type { Paths } from '../state/paths.ts';
import { parseImageConfig } from './image-config.ts';
import { type LayerSource, layerBytes, layerTarBytes } from './layer-bytes.ts';
import { findImage, imageMissing } from './read.ts';
import { familiarReference, parseReference } from './reference.ts';
import { beginWork, type Catalogue, digestOf, hexOf, readBlob, readCatalogue } from './store.ts';
import { endWork } from './sweep.ts';

interface Saved {
  readonly id: string;
  /** Full references. */
  readonly tags: Set<string>;
}

/** What each word means: an image by its id, one of its names, or all tags of a name that is given without one. */
const choose = (catalogue: Catalogue, refs: readonly string[]): readonly Saved[] => {
  const chosen = new Map<string, Saved>();
  const add = (id: string, tag?: string): void => {
    const saved = chosen.get(id) ?? { id, tags: new Set() };
    chosen.set(id, saved);
    if (tag !== undefined && !tag.includes('@')) saved.tags.add(tag);
  };
  for (const ref of refs) {
    const tags = allTags(catalogue, ref);
    for (const tag of tags) add(catalogue.tags[tag]!, tag);
    if (tags.length > 0) continue;
    const found = findImage(catalogue, ref);
    if (found === undefined) throw imageMissing(ref);
    add(found.id, found.reference);
  }
  return [...chosen.values()];
};

const allTags = (catalogue: Catalogue, ref: string): readonly string[] => {
  if (/^(?:sha256:)?[0-9a-f]{64}$/.test(ref)) return [];
  const { name, tag, digest } = parseReference(ref);
  if (tag !== undefined || digest !== undefined) return [];
  return Object.keys(catalogue.tags).filter(
    (one) => !one.includes('@') && one.startsWith(`${name}:`) && !one.slice(name.length + 1).includes('/'),
  );
};

const blobPath = (digest: string): string => `blobs/sha256/${hexOf(digest)}`;

const folder = (path: string): PackedFile => ({ ...NOTHING, kind: 'd', path, mode: 0o755, async *data() {} });

const file = (path: string, size: number, data: () => AsyncGenerator<Buffer>): PackedFile => ({
  ...{ ...NOTHING, kind: 'f', path, mode: 0o644, size, stored: size, data },
});

const document = (path: string, bytes: Buffer): PackedFile =>
  file(path, bytes.length, async function* () {
    yield bytes;
  });

const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

const OCI = 'application/vnd.oci.image';

const tagOf = (reference: string): string => reference.slice(reference.lastIndexOf(':') + 1);

/** One entry of the index for each name, as containerd reads them; one without a name where there is none. */
const indexEntries = (descriptor: object, tags: readonly string[]): readonly object[] =>
  tags.length === 0
    ? [descriptor]
    : tags.map((tag) => ({
        ...descriptor,
        annotations: { 'io.containerd.image.name': tag, 'org.opencontainers.image.ref.name': tagOf(tag) },
      }));

async function* members(source: LayerSource, images: readonly Saved[]): AsyncGenerator<PackedFile> {
  const { paths } = source;
  const written = new Set<string>();
  const index: object[] = [];
  const list: object[] = [];
  const repositories: Record<string, Record<string, string>> = {};
  yield folder('blobs');
  yield folder('blobs/sha256');
  for (const { id, tags: chosen } of images) {
    const tags = [...chosen].sort();
    const config = await readBlob(paths, id);
    const layers = [];
    for (const diffId of parseImageConfig(config).layers) {
      const size = await layerTarBytes(source, diffId);
      layers.push({ mediaType: `${OCI}.layer.v1.tar`, digest: diffId, size });
      if (written.has(diffId)) continue;
      written.add(diffId);
      yield file(blobPath(diffId), size, () => layerBytes(source, diffId));
    }
    const manifest = json({
      schemaVersion: 2,
      mediaType: `${OCI}.manifest.v1+json`,
      config: { mediaType: `${OCI}.config.v1+json`, digest: id, size: config.length },
      layers,
    });
    for (const bytes of [config, manifest]) {
      const digest = digestOf(bytes);
      if (!written.has(digest)) yield document(blobPath(digest), bytes);
      written.add(digest);
    }
    index.push(
      ...indexEntries(
        { mediaType: `${OCI}.manifest.v1+json`, digest: digestOf(manifest), size: manifest.length },
        tags,
      ),
    );
    list.push({
      Config: blobPath(id),
      RepoTags: tags.length === 0 ? null : tags.map(familiarReference),
      Layers: layers.map(({ digest }) => blobPath(digest)),
    });
    const top = layers.at(-1)?.digest;
    for (const tag of tags) {
      const name = familiarReference(tag.slice(0, tag.lastIndexOf(':')));
      if (top !== undefined) repositories[name] = { ...repositories[name], [tagOf(tag)]: hexOf(top) };
    }
  }
  yield document('index.json', json({ schemaVersion: 2, mediaType: `${OCI}.index.v1+json`, manifests: index }));
  yield document('manifest.json', json(list));
  yield document('oci-layout', json({ imageLayoutVersion: '1.0.0' }));
  if (Object.keys(repositories).length > 0) yield document('repositories', json(repositories));
}

/** What is asked for is found, or an error, before anything is written. Layers stay in the store until the stream has ended. */
export const saveImages = async (refs: readonly string[], source: LayerSource): Promise<AsyncGenerator<Buffer>> => {
  const images = choose(readCatalogue(source.paths), refs);
  return archive(source.paths, writeTar(members(source, images), { sparse: false }));
};

async function* archive(paths: Paths, tar: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  const work = await beginWork(paths);
  try {
    yield* tar;
  } finally {
    await endWork(paths, work, 'done');
  }
}
