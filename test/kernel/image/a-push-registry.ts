/** A registry in memory that takes pushes, wants a token for them, and fails as a test says. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { sha256 } from './a-store.ts';

export interface TakingRegistry {
  readonly host: string;
  /** `METHOD /path` without the ids of uploads. */
  readonly asked: string[];
  /** Scopes that tokens were asked for. */
  readonly scopes: string[][];
  /** Of `REPOSITORY sha256:…`. */
  readonly blobs: Map<string, Buffer>;
  /** Of `REPOSITORY:TAG`. */
  readonly manifests: Map<string, { readonly type: string; readonly bytes: Buffer }>;
  /** True: it has answered, or broken off. */
  spoil: ((request: IncomingMessage, response: ServerResponse) => boolean) | undefined;
  /** No answer without a token of this scope's repository. */
  wantsToken: boolean;
  close(): void;
}

export async function takeImages(): Promise<TakingRegistry> {
  const uploads = new Map<string, Buffer>();
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '', 'http://x');
    if (url.pathname === '/token') {
      const scopes = url.searchParams.getAll('scope');
      registry.scopes.push(scopes);
      return void response.end(JSON.stringify({ token: Buffer.from(scopes.join(' ')).toString('base64url') }));
    }
    registry.asked.push(
      `${request.method} ${url.pathname.replace(/uploads\/.+$/, 'uploads/ID')}${url.searchParams.has('mount') ? ' mount' : ''}`,
    );
    const [, repository = '', kind, name = ''] =
      /^\/v2\/(.+)\/(blobs\/uploads|blobs|manifests)\/(.*)$/.exec(url.pathname) ?? [];
    const granted = Buffer.from(request.headers.authorization?.slice('Bearer '.length) ?? '', 'base64url').toString();
    const wanted = `repository:${repository}:${request.method === 'GET' || request.method === 'HEAD' ? 'pull' : 'pull,push'}`;
    if (registry.wantsToken && !granted.split(' ').some((scope) => scope.startsWith(wanted))) {
      request.resume();
      const challenge = `Bearer realm="http://${registry.host}/token",service="test",scope="${wanted}"`;
      return void response.writeHead(401, { 'www-authenticate': challenge }).end();
    }
    if (registry.spoil?.(request, response)) return;
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () =>
      answer(request, response, { url, repository, kind: kind ?? '', name, body: Buffer.concat(parts) }),
    );
    request.on('error', () => {});
  });

  interface Asked {
    readonly url: URL;
    readonly repository: string;
    readonly kind: string;
    readonly name: string;
    readonly body: Buffer;
  }
  const answer = (request: IncomingMessage, response: ServerResponse, { url, repository, kind, name, body }: Asked) => {
    const place = (id: string) => `/v2/${repository}/blobs/uploads/${id}?state=${uploads.get(id)?.length ?? 0}`;
    const range = (id: string) => `0-${Math.max(0, (uploads.get(id)?.length ?? 0) - 1)}`;
    const say = (status: number, headers: Record<string, string> = {}) =>
      void response.writeHead(status, headers).end();
    if (kind === 'manifests' && request.method === 'PUT') {
      registry.manifests.set(`${repository}:${name}`, { type: request.headers['content-type'] ?? '', bytes: body });
      return say(201, { 'docker-content-digest': `sha256:${sha256(body)}` });
    }
    if (kind === 'blobs') {
      const found = registry.blobs.get(`${repository} ${name}`);
      return found ? say(200, { 'content-length': String(found.length) }) : say(404);
    }
    if (request.method === 'POST') {
      const [mount, from] = [url.searchParams.get('mount'), url.searchParams.get('from')];
      const other = registry.blobs.get(`${from} ${mount}`);
      if (other !== undefined) {
        registry.blobs.set(`${repository} ${mount}`, other);
        return say(201, { location: `/v2/${repository}/blobs/${mount}` });
      }
      const id = String(uploads.size + 1);
      uploads.set(id, Buffer.alloc(0));
      return say(202, { location: place(id) });
    }
    const had = uploads.get(name);
    if (had === undefined) return say(404);
    if (request.method === 'GET') return say(204, { location: place(name), range: range(name) });
    if (request.method === 'DELETE') return say(uploads.delete(name) ? 204 : 404);
    const begins = request.headers['content-range']?.split('-', 1)[0];
    if (begins !== undefined && Number(begins) !== had.length) return say(416);
    const all = Buffer.concat([had, body]);
    uploads.set(name, all);
    if (request.method === 'PATCH') return say(202, { location: place(name), range: range(name) });
    const digest = url.searchParams.get('digest') ?? '';
    if (digest !== `sha256:${sha256(all)}`) return say(400);
    uploads.delete(name);
    registry.blobs.set(`${repository} ${digest}`, all);
    return say(201, { location: `/v2/${repository}/blobs/${digest}` });
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const registry: TakingRegistry = {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: [],
    scopes: [],
    blobs: new Map(),
    manifests: new Map(),
    spoil: undefined,
    wantsToken: false,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
  return registry;
}
