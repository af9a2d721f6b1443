/** Image archives as other tools write them, made from a list of layers: `docker save` and OCI layouts. */
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';

export interface Entry {
  readonly name: string;
  readonly type?: 'file' | 'directory' | 'symlink' | 'link';
  readonly content?: string | Buffer;
  readonly linkname?: string;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  /** Extended attributes, as GNU tar and Docker store them in pax headers. */
  readonly xattrs?: Readonly<Record<string, Buffer>>;
}

export interface ArchiveOptions {
  readonly ref: string;
  readonly layers: readonly (readonly Entry[])[];
  readonly config?: Readonly<Record<string, unknown>>;
  readonly gzip?: boolean;
}

/** `manifest.json`, a configuration and a tar per layer. */
export async function dockerArchive(options: ArchiveOptions): Promise<Buffer> {
  const { layers, config } = await build(options);
  const manifest = [
    {
      Config: `${config.digest}.json`,
      RepoTags: [options.ref],
      Layers: layers.map((layer) => `${layer.digest}/layer.tar`),
    },
  ];
  return await tarOf([
    ...layers.map((layer) => ({ name: `${layer.digest}/layer.tar`, content: layer.bytes })),
    { name: `${config.digest}.json`, content: config.bytes },
    { name: 'manifest.json', content: JSON.stringify(manifest) },
  ]);
}

/** `oci-layout`, `index.json` and content-addressed blobs. */
export async function ociArchive(options: ArchiveOptions): Promise<Buffer> {
  const { layers, config } = await build(options);
  const compression = options.gzip ? '+gzip' : '';
  const manifest = blob(
    Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: 'application/vnd.oci.image.manifest.v1+json',
        config: {
          mediaType: 'application/vnd.oci.image.config.v1+json',
          digest: `sha256:${config.digest}`,
          size: config.bytes.length,
        },
        layers: layers.map(({ digest, bytes }) => ({
          mediaType: `application/vnd.oci.image.layer.v1.tar${compression}`,
          digest: `sha256:${digest}`,
          size: bytes.length,
        })),
      }),
    ),
  );
  const index = {
    schemaVersion: 2,
    manifests: [
      {
        mediaType: 'application/vnd.oci.image.manifest.v1+json',
        digest: `sha256:${manifest.digest}`,
        size: manifest.bytes.length,
        annotations: { 'org.opencontainers.image.ref.name': options.ref, 'io.containerd.image.name': options.ref },
      },
    ],
  };
  return await tarOf([
    { name: 'oci-layout', content: '{"imageLayoutVersion":"1.0.0"}' },
    { name: 'index.json', content: JSON.stringify(index) },
    ...[manifest, config, ...layers].map(({ digest, bytes }) => ({ name: `blobs/sha256/${digest}`, content: bytes })),
  ]);
}

async function build({ layers: wanted, config: settings, gzip }: ArchiveOptions) {
  const tars = await Promise.all(wanted.map(tarOf));
  const config = {
    architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
    os: 'linux',
    created: '2024-01-02T03:04:05Z',
    config: settings ?? {},
    rootfs: { type: 'layers', diff_ids: tars.map((bytes) => `sha256:${blob(bytes).digest}`) },
    history: tars.map((_, i) => ({ created: '2024-01-02T03:04:05Z', created_by: `layer ${i}` })),
  };
  return {
    layers: tars.map((bytes) => blob(gzip ? gzipSync(bytes) : bytes)),
    config: blob(Buffer.from(JSON.stringify(config))),
  };
}

const blob = (bytes: Buffer) => ({ bytes, digest: createHash('sha256').update(bytes).digest('hex') });

export async function tarOf(entries: readonly Entry[]): Promise<Buffer> {
  const archive = pack();
  for (const { name, type = 'file', content = '', linkname, xattrs, mode, uid = 0, gid = 0 } of entries) {
    const pax =
      xattrs &&
      Object.fromEntries(
        Object.entries(xattrs).map(([key, value]) => [`SCHILY.xattr.${key}`, value.toString('latin1')]),
      );
    archive.entry(
      {
        name,
        type,
        uid,
        gid,
        mode: mode ?? (type === 'directory' ? 0o755 : 0o644),
        mtime: new Date(0),
        ...(linkname && { linkname }),
        ...(pax && { pax }),
      },
      type === 'file' ? Buffer.from(content) : '',
    );
  }
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
