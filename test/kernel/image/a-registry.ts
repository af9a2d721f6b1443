/** A registry in memory that keeps the protocol, until a test spoils it. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { configOf, type Layer, sha256 } from './a-store.ts';

const OCI = 'application/vnd.oci.image';
const DOCKER = 'application/vnd.docker';

/** True: it has answered, or will. */
export type Spoiler = (request: IncomingMessage, response: ServerResponse, bytes: Buffer) => boolean;

export interface ServedImages {
  /** `127.0.0.1:PORT` */
  readonly host: string;
  /** `GET /v2/…`, with the range where one was asked for. */
  readonly asked: string[];
  /** Of blobs only. */
  spoil: Spoiler | undefined;
  blob(bytes: Buffer): string;
  manifest(name: string, document: object): { readonly digest: string; readonly size: number };
  image(
    tag: string,
    layers: readonly Layer[],
    options?: ImageOptions,
  ): { readonly digest: string; readonly size: number };
  close(): void;
}

export interface ImageOptions {
  readonly isDocker?: boolean;
  readonly config?: Buffer;
}

export async function serveImages(): Promise<ServedImages> {
  const contents = new Map<string, { readonly bytes: Buffer; readonly type: string }>();
  const asked: string[] = [];
  const server: Server = createServer((request, response) => {
    asked.push([request.method, request.url, request.headers.range].filter(Boolean).join(' '));
    const key = /\/(?:manifests|blobs)\/([^/]+)$/.exec(request.url ?? '')?.[1] ?? '';
    const found = contents.get(key);
    if (found === undefined) return void response.writeHead(404).end();
    const { bytes, type } = found;
    if (request.url!.includes('/blobs/') && served.spoil?.(request, response, bytes)) return;
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const range = { 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` };
    response.writeHead(from > 0 ? 206 : 200, {
      'content-type': type,
      'content-length': bytes.length - from,
      'docker-content-digest': `sha256:${sha256(bytes)}`,
      ...(from > 0 && range),
    });
    response.end(request.method === 'HEAD' ? undefined : bytes.subarray(from));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const blob = (bytes: Buffer) => {
    contents.set(`sha256:${sha256(bytes)}`, { bytes, type: 'application/octet-stream' });
    return `sha256:${sha256(bytes)}`;
  };
  const served: ServedImages = {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    spoil: undefined,
    blob,
    manifest: (name, document) => {
      const bytes = Buffer.from(JSON.stringify(document));
      const { mediaType: type } = document as { mediaType: string };
      for (const key of [name, `sha256:${sha256(bytes)}`]) contents.set(key, { bytes, type });
      return { digest: `sha256:${sha256(bytes)}`, size: bytes.length };
    },
    image: (tag, layers, { isDocker = false, config = configOf(layers) } = {}) => {
      const describe = (mediaType: string, bytes: Buffer) => ({ mediaType, digest: blob(bytes), size: bytes.length });
      return served.manifest(tag, {
        schemaVersion: 2,
        mediaType: isDocker ? `${DOCKER}.distribution.manifest.v2+json` : `${OCI}.manifest.v1+json`,
        config: describe(isDocker ? `${DOCKER}.container.image.v1+json` : `${OCI}.config.v1+json`, config),
        layers: layers.map(({ tar, blob: packed }) =>
          describe(isDocker ? `${DOCKER}.image.rootfs.diff.tar.gzip` : `${OCI}.layer.v1.tar+gzip`, packed ?? tar),
        ),
      });
    },
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
  return served;
}

/** An index of images, each under its `os/architecture[/variant]`. */
export const indexOf = (
  images: Readonly<Record<string, { readonly digest: string; readonly size: number }>>,
): object => ({
  schemaVersion: 2,
  mediaType: `${OCI}.index.v1+json`,
  manifests: Object.entries(images).map(([name, image]) => {
    const [os, architecture, variant] = name.split('/');
    return {
      ...image,
      mediaType: `${OCI}.manifest.v1+json`,
      platform: { os, architecture, ...(variant && { variant }) },
    };
  }),
});
