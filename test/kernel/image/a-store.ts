/** An image store of a throw-away instance, images to put into it, and what is in it as lines that can be compared. */
import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { type ImageStore, openImages } from '../../../engine/image/index.ts';
import type { Paths } from '../../../engine/state/paths.ts';
import { buildLauncher } from '../../helpers/build-probe.ts';
import { type Entry, makeTar } from '../../unit/image/tar-writer.ts';

export const launcher = buildLauncher();

export const openStore = (paths: Paths, binary = launcher): ImageStore => openImages({ paths, launcher: binary });

export const streamOf = (bytes: Buffer): Readable => Readable.from(cut(bytes), { objectMode: false });

function* cut(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
}

export const sha256 = (bytes: Buffer | string): string => createHash('sha256').update(bytes).digest('hex');

/** Everything beneath a folder: kind, mode, owner, size, links, target and name; folders' sizes and link counts are the file system's. */
export const listTree = async (folder: string): Promise<string[]> => {
  const format = '%y %#m %U:%G %s %n %T@ %P -> %l\\n';
  const { stdout } = await promisify(execFile)('find', [folder, '-printf', format], { maxBuffer: 1 << 28 });
  return stdout
    .slice(0, -1)
    .split('\n')
    .map((line) =>
      line
        .replace(/^(d \S+ \S+) \d+ \d+/, '$1')
        .replace(/ -> $/, '')
        .replace(/\.0+ /, ' '),
    )
    .sort();
};

export const importTar = (store: ImageStore, tar: Buffer, ref?: string) =>
  store.import(streamOf(tar), ref, { changes: [] });

export interface Layer {
  readonly tar: Buffer;
  /** As archived; the tar itself unless given. */
  readonly blob?: Buffer;
}

export const layer = (...entries: readonly Entry[]): Layer => ({ tar: makeTar(...entries) });

export const configOf = (layers: readonly Layer[], config: object = {}): Buffer =>
  Buffer.from(
    JSON.stringify({
      created: '2026-01-02T03:04:05Z',
      architecture: process.arch === 'x64' ? 'amd64' : process.arch,
      os: 'linux',
      config,
      rootfs: { type: 'layers', diff_ids: layers.map(({ tar }) => `sha256:${sha256(tar)}`) },
    }),
  );

/** `docker save` before version 25. */
export const legacyArchive = (ref: string, layers: readonly Layer[], config = configOf(layers)): Entry[] => [
  ...layers.flatMap(({ tar, blob }, index) => [
    { name: `layer${index}/VERSION`, data: '1.0' },
    { name: `layer${index}/json`, data: '{}' },
    { name: `layer${index}/layer.tar`, data: blob ?? tar },
  ]),
  { name: `${sha256(config)}.json`, data: config },
  {
    name: 'manifest.json',
    data: JSON.stringify([
      {
        Config: `${sha256(config)}.json`,
        RepoTags: [ref],
        Layers: layers.map((_, index) => `layer${index}/layer.tar`),
      },
    ]),
  },
];

const blob = (data: Buffer): Entry => ({ name: `blobs/sha256/${sha256(data)}`, data });
const descriptor = (mediaType: string, data: Buffer, more: object = {}) => ({
  mediaType,
  digest: `sha256:${sha256(data)}`,
  size: data.length,
  ...more,
});

/** An OCI layout, index last as most programs write it. */
export const ociLayout = (
  annotations: Record<string, string>,
  layers: readonly Layer[],
  config = configOf(layers),
): Entry[] => {
  const blobs = layers.map(({ tar, blob: archived }) => archived ?? tar);
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      config: descriptor('application/vnd.oci.image.config.v1+json', config),
      layers: blobs.map((data) => descriptor('application/vnd.oci.image.layer.v1.tar', data)),
    }),
  );
  const index = {
    schemaVersion: 2,
    manifests: [descriptor('application/vnd.oci.image.manifest.v1+json', manifest, { annotations })],
  };
  return [
    ...[...blobs, config, manifest].map(blob),
    { name: 'oci-layout', data: '{"imageLayoutVersion":"1.0.0"}' },
    { name: 'index.json', data: JSON.stringify(index) },
  ];
};

/** `docker save` since version 25: both in one. */
export const modernArchive = (ref: string, layers: readonly Layer[], config = configOf(layers)): Entry[] => [
  ...ociLayout({ 'io.containerd.image.name': `docker.io/library/${ref}` }, layers, config),
  {
    name: 'manifest.json',
    data: JSON.stringify([
      {
        Config: `blobs/sha256/${sha256(config)}`,
        RepoTags: [ref],
        Layers: layers.map(({ tar }) => `blobs/sha256/${sha256(tar)}`),
      },
    ]),
  },
];

export const loadTar = (store: ImageStore, entries: readonly Entry[]) => store.load(streamOf(makeTar(...entries)));

export const zstd = (data: Buffer): Buffer => execFileSync('zstd', ['-qc'], { input: data, maxBuffer: 1 << 28 });
