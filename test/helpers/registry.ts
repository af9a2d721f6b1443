/** Debian's docker-registry on loopback, with or without TLS and passwords, filled by plain requests. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { eventually } from './eventually.ts';

export const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
export const INDEX = 'application/vnd.oci.image.index.v1+json';
/** A name by which its certificate is good, too: for proxies, which loopback never goes through. */
export const FAR_NAME = 'registry.example';
export const USER = 'someone';
export const PASSWORD = 'pass:word';

export interface TestRegistry {
  /** `127.0.0.1:PORT` */
  readonly host: string;
  /** Of the authority that its certificate is from, where it has one. */
  readonly authority?: string;
  /** Digest of what was put. */
  putBlob(repository: string, bytes: string | Buffer): Promise<Descriptor>;
  putManifest(repository: string, tag: string, document: object): Promise<Descriptor>;
  stop(): Promise<void>;
}

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

export interface RegistryOptions {
  readonly tls?: boolean;
  readonly password?: boolean;
}

export const hasRegistry = (): boolean => {
  try {
    execFileSync('docker-registry', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};

export async function startRegistry(folder: string, options: RegistryOptions = {}): Promise<TestRegistry> {
  mkdirSync(folder, { recursive: true });
  const host = `127.0.0.1:${await freePort()}`;
  const authority = options.tls ? makeCertificates(folder) : undefined;
  if (options.password) writeFileSync(join(folder, 'htpasswd'), `${USER}:${BCRYPT}\n`);
  writeFileSync(join(folder, 'config.json'), JSON.stringify(configuration(folder, host, options)));
  const child = spawn('docker-registry', ['serve', join(folder, 'config.json')], { stdio: 'ignore' });
  const send = sender(host, options, authority);
  await eventually(async () => {
    const { status } = await send('GET', '/v2/');
    if (status !== 200) throw new Error(`the registry answers with ${status}`);
  }, 10_000);
  return {
    host,
    ...(authority !== undefined && { authority }),
    putBlob: async (repository, bytes) => {
      const body = Buffer.from(bytes);
      const made = describe('application/octet-stream', body);
      const { headers } = await expectStatus(202, send('POST', `/v2/${repository}/blobs/uploads/`));
      const place = new URL(headers.location!, `http://${host}`);
      place.searchParams.set('digest', made.digest);
      await expectStatus(201, send('PUT', place.pathname + place.search, body, 'application/octet-stream'));
      return made;
    },
    putManifest: async (repository, tag, document) => {
      const { mediaType = MANIFEST } = document as { mediaType?: string };
      const body = Buffer.from(JSON.stringify(document));
      await expectStatus(201, send('PUT', `/v2/${repository}/manifests/${tag}`, body, mediaType));
      return describe(mediaType, body);
    },
    stop: () => stop(child),
  };
}

/** An image of nothing but its configuration, under a tag. */
export async function putImage(registry: TestRegistry, repository: string, tag: string): Promise<Descriptor> {
  const config = await registry.putBlob(
    repository,
    JSON.stringify({ os: 'linux', architecture: 'amd64', rootfs: { type: 'layers', diff_ids: [] } }),
  );
  return registry.putManifest(repository, tag, {
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: { ...config, mediaType: 'application/vnd.oci.image.config.v1+json' },
    layers: [],
  });
}

const describe = (mediaType: string, body: Buffer): Descriptor => ({
  mediaType,
  digest: `sha256:${createHash('sha256').update(body).digest('hex')}`,
  size: body.length,
});

/** Of PASSWORD, cost 4. */
const BCRYPT = '$2b$04$6pCeeRrjj8XeUuQru8EfvuDrEyh92YWnAHT4GTxerYIOwFBKnGqay';

const configuration = (folder: string, host: string, { tls, password }: RegistryOptions) => ({
  version: '0.1',
  log: { level: 'error', accesslog: { disabled: true } },
  storage: { filesystem: { rootdirectory: join(folder, 'data') } },
  http: {
    addr: host,
    secret: 'of a test',
    ...(tls && { tls: { certificate: join(folder, 'server.crt'), key: join(folder, 'server.key') } }),
  },
  ...(password && { auth: { htpasswd: { realm: 'test', path: join(folder, 'htpasswd') } } }),
});

/** An authority, and a certificate of 127.0.0.1 and localhost by it. Returns the authority's. */
function makeCertificates(folder: string): string {
  const openssl = (...words: string[]) => execFileSync('openssl', words, { cwd: folder, stdio: 'pipe' }).toString();
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.crt', '-subj', '/CN=test authority', '-days', '2');
  openssl('req', ...key, '-keyout', 'server.key', '-out', 'server.csr', '-subj', '/CN=registry');
  writeFileSync(join(folder, 'names'), `subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:${FAR_NAME}\n`);
  openssl(
    'x509',
    '-req',
    '-in',
    'server.csr',
    '-CA',
    'ca.crt',
    '-CAkey',
    'ca.key',
    '-CAcreateserial',
    '-days',
    '2',
    '-extfile',
    'names',
    '-out',
    'server.crt',
  );
  return readFileSync(join(folder, 'ca.crt'), 'utf8');
}

interface Reply {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
}

function sender(host: string, { tls, password }: RegistryOptions, ca: string | undefined) {
  const authorization = `Basic ${Buffer.from(`${USER}:${PASSWORD}`).toString('base64')}`;
  return (method: string, path: string, body?: Buffer, type?: string): Promise<Reply> =>
    new Promise((resolve, reject) => {
      const request = (tls ? httpsRequest : httpRequest)(`${tls ? 'https' : 'http'}://${host}${path}`, {
        method,
        ...(ca !== undefined && { ca }),
        agent: false,
        headers: {
          ...(password && { authorization }),
          ...(type && { 'content-type': type }),
          'content-length': body?.length ?? 0,
        },
      });
      request.on('error', reject);
      request.on('response', (response) => {
        response.resume();
        response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers }));
      });
      request.end(body);
    });
}

async function expectStatus(wanted: number, reply: Promise<Reply>): Promise<Reply> {
  const got = await reply;
  if (got.status !== wanted) throw new Error(`the registry answers with ${got.status} in place of ${wanted}`);
  return got;
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function stop(child: ChildProcess): Promise<void> {
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
}

export interface ComposeFile {
  readonly text: string;
  /** Its name, of one that others extend. */
  readonly extends?: string;
  /** Its name, of an env file. */
  readonly env?: string;
}

/** As docker compose publish does it; `old`: for registries that know no artifact types. */
export async function putProject(
  registry: TestRegistry,
  repository: string,
  tag: string,
  files: readonly ComposeFile[],
  { old = false } = {},
): Promise<Descriptor> {
  const kind = 'application/vnd.docker.compose';
  const config = await registry.putBlob(repository, '{}');
  const layers: object[] = [];
  for (const { text, extends: extended, env } of files) {
    const layer = await registry.putBlob(repository, text);
    const annotations =
      env !== undefined
        ? { [`${COMPOSE}.envfile`]: env }
        : {
            [`${COMPOSE}.file`]: extended ?? 'compose.yaml',
            ...(extended !== undefined && { [`${COMPOSE}.extends`]: 'true' }),
          };
    layers.push({ ...layer, mediaType: env === undefined ? `${kind}.file+yaml` : `${kind}.envfile`, annotations });
  }
  return registry.putManifest(repository, tag, {
    schemaVersion: 2,
    mediaType: MANIFEST,
    ...(!old && { artifactType: `${kind}.project` }),
    config: { ...config, mediaType: old ? `${kind}.config.empty.v1+json` : 'application/vnd.oci.empty.v1+json' },
    layers,
  });
}

const COMPOSE = 'com.docker.compose';
