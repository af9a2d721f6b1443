/** Registries that redirect, ask for tokens, fail for a moment, lie, or sit behind a proxy: what is sent where, and what is believed. */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { openRegistry } from '../../../engine/registry/index.ts';

const BODY = '{"schemaVersion":2}';
const DIGEST = `sha256:${createHash('sha256').update(BODY).digest('hex')}`;
const OTHER = `sha256:${'1'.repeat(64)}`;

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** Its `127.0.0.1:PORT`, and what it was asked, as `METHOD path authorization`. */
async function serve(handle: Handler): Promise<{ host: string; asked: string[]; server: Server }> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push([request.method, request.url, request.headers.authorization].filter(Boolean).join(' '));
    handle(request, response);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, asked, server };
}

const manifest: Handler = (request, response) => {
  response.writeHead(200, {
    'content-type': 'application/vnd.oci.image.manifest.v1+json',
    'docker-content-digest': DIGEST,
  });
  response.end(request.method === 'HEAD' ? undefined : BODY);
};
const status =
  (code: number, headers: Record<string, string> = {}, body = ''): Handler =>
  (_, response) => {
    response.writeHead(code, headers);
    response.end(body);
  };
const environment = (more: object = {}) => ({ HOME: '/nonexistent', ...more });
const registry = (more: object = {}) => openRegistry(environment(more));
const auths = (host: string, entry: object) => ({ DOCKER_AUTH_CONFIG: JSON.stringify({ auths: { [host]: entry } }) });
const basic = (text: string) => Buffer.from(text).toString('base64');

describe('tokens', () => {
  /** Gives `token` at /token, and wants it. */
  const tokenRegistry = (answer: Handler = (_, response) => void response.end('{"token":"T","expires_in":300}')) =>
    serve((request, response) => {
      if (request.url!.startsWith('/token')) return answer(request, response);
      if (request.headers.authorization === 'Bearer T') return manifest(request, response);
      const realm = `Bearer realm="http://${request.headers.host}/token",service="s",scope="repository:a/b:pull"`;
      return status(401, { 'www-authenticate': realm })(request, response);
    });

  test('anybody gets one for the scope that was asked for, once for all that wait', async () => {
    const { host, asked } = await tokenRegistry();
    const client = registry();
    const pins = await Promise.all(['1', '2'].map((tag) => client.pin(`${host}/a/b:${tag}`)));
    expect(pins).toEqual([`${host}/a/b:1@${DIGEST}`, `${host}/a/b:2@${DIGEST}`]);
    expect(asked.filter((line) => line.includes('/token'))).toEqual([
      'GET /token?service=s&scope=repository%3Aa%2Fb%3Apull',
    ]);
  });

  test('whoever is known says so to the token server, and to nobody else', async () => {
    const { host, asked } = await tokenRegistry();
    await registry(auths(host, { auth: basic('me:secret') })).pin(`${host}/a/b:1`);
    expect(asked.filter((line) => line.includes('Basic'))).toEqual([
      `GET /token?service=s&scope=repository%3Aa%2Fb%3Apull&account=me Basic ${basic('me:secret')}`,
    ]);
  });

  test('an identity token is exchanged by POST', async () => {
    let form = '';
    const { host } = await tokenRegistry((request, response) => {
      request.on('data', (part) => {
        form += part;
      });
      request.on('end', () => response.end('{"access_token":"T"}'));
    });
    await registry(auths(host, { identitytoken: 'long' })).pin(`${host}/a/b:1`);
    expect(Object.fromEntries(new URLSearchParams(form))).toMatchObject({
      grant_type: 'refresh_token',
      refresh_token: 'long',
      scope: 'repository:a/b:pull',
    });
  });

  test('a token that is refused is not asked for again', async () => {
    const { host, asked } = await tokenRegistry((_, response) => void response.end('{"token":"wrong"}'));
    await expect(registry().pin(`${host}/a/b:1`)).rejects.toMatchObject({ code: 'registry-unauthorised' });
    expect(asked.filter((line) => line.includes('/token'))).toHaveLength(1);
  });

  test.each([
    ['{"token":"a\\r\\nx: y"}', 'forbidden characters'],
    ['{}', 'without a token'],
    ['<html>', 'without a token'],
  ])('%s is no token', async (answer, why) => {
    const { host } = await tokenRegistry((_, response) => void response.end(answer));
    await expect(registry().pin(`${host}/a/b:1`)).rejects.toThrow(why);
  });

  test.each([
    ['ftp://x/', 'sends for a token to ftp://x'],
    ['nonsense', 'does not say where'],
  ])('a challenge that leads to %s ends there', async (realm, why) => {
    const { host, asked } = await serve(status(401, { 'www-authenticate': `Bearer realm="${realm}"` }));
    await expect(registry(auths(host, { auth: basic('me:secret') })).pin(`${host}/x`)).rejects.toThrow(why);
    expect(asked).toHaveLength(1);
  });
});

describe('redirects', () => {
  test('are followed, and the password stays at home', async () => {
    const storage = await serve((_, response) => void response.end(BODY));
    const { host } = await serve((request, response) =>
      request.headers.authorization === undefined
        ? status(401, { 'www-authenticate': 'Basic realm="x"' })(request, response)
        : status(307, { location: `http://${storage.host}/blob?signature=1` })(request, response),
    );
    const client = registry(auths(host, { auth: basic('me:secret') }));
    expect(Buffer.from(await client.blob(`${host}/x`, { digest: DIGEST, size: BODY.length }, 100)).toString()).toBe(
      BODY,
    );
    expect(storage.asked).toEqual(['GET /blob?signature=1']);
  });

  test('within one host the password goes along', async () => {
    const { host, asked } = await serve((request, response) => {
      if (request.headers.authorization === undefined)
        return status(401, { 'www-authenticate': 'Basic realm="x"' })(request, response);
      if (request.url === '/there') return manifest(request, response);
      return status(302, { location: '/there' })(request, response);
    });
    await registry(auths(host, { auth: basic('me:secret') })).pin(`${host}/x`);
    expect(asked.at(-1)).toBe(`HEAD /there Basic ${basic('me:secret')}`);
  });

  test.each([
    ['/again', 'leads on more than 5 times'],
    ['ftp://x/', 'leads from http:// to ftp://'],
    ['file:///etc/passwd', 'leads from http:// to file://'],
    ['http://[', 'leads to something that is no URL'],
  ])('to %s end', async (location, why) => {
    const { host } = await serve(status(302, { location }));
    await expect(registry().pin(`${host}/x`)).rejects.toThrow(why);
  });
});

describe('trouble', () => {
  test('what passes is waited for, as long as the registry asks', async () => {
    let failures = 2;
    const { host, asked } = await serve((request, response) => {
      failures -= 1;
      if (failures === 1) return status(429, { 'retry-after': '0' })(request, response);
      if (failures === 0) return void request.socket.destroy();
      return manifest(request, response);
    });
    // The first request speaks TLS, which this server does not even count.
    expect(await registry().pin(`${host}/x`)).toContain(DIGEST);
    expect(asked).toHaveLength(3);
  });

  test('a limit that lasts longer is told, with the time', async () => {
    const { host, asked } = await serve(
      status(429, { 'retry-after': '1800' }, '{"errors":[{"code":"TOOMANYREQUESTS","message":"slow down"}]}'),
    );
    await expect(registry().manifest(`${host}/x`)).rejects.toMatchObject({
      code: 'registry-rate-limit',
      message: expect.stringContaining('slow down'),
      help: expect.stringContaining('30 minutes'),
    });
    expect(asked).toHaveLength(1);
  });

  test('registries without HEAD are asked by GET', async () => {
    const { host } = await serve((request, response) =>
      request.method === 'HEAD' ? status(405)(request, response) : manifest(request, response),
    );
    expect(await registry().pin(`${host}/x`)).toBe(`${host}/x:latest@${DIGEST}`);
  });

  test('a registry that names no digest is asked for the manifest, whose digest is computed', async () => {
    const { host } = await serve(
      (request, response) => void response.end(request.method === 'HEAD' ? undefined : BODY),
    );
    expect(await registry().pin(`${host}/x`)).toBe(`${host}/x:latest@${DIGEST}`);
  });

  test('other bytes than were asked for are refused', async () => {
    const { host } = await serve((_, response) => void response.end(BODY));
    const lying = await serve((_, response) => {
      response.writeHead(200, { 'docker-content-digest': OTHER });
      response.end(BODY);
    });
    const mismatch = { code: 'digest-mismatch' };
    await expect(registry().manifest(`${host}/x@${OTHER}`)).rejects.toMatchObject(mismatch);
    await expect(registry().manifest(`${lying.host}/x`)).rejects.toMatchObject(mismatch);
    await expect(registry().blob(`${host}/x`, { digest: OTHER, size: BODY.length }, 100)).rejects.toMatchObject(
      mismatch,
    );
  });

  test('an endless answer is cut off', async () => {
    const { host } = await serve((_, response) => {
      const more = () => response.destroyed || response.write(Buffer.alloc(1 << 20), () => setImmediate(more));
      more();
    });
    await expect(registry().manifest(`${host}/x`)).rejects.toThrow('more than 4194304 bytes');
  });
});

describe('proxies', () => {
  test('HTTPS goes through a tunnel, whose password the registry never sees', async () => {
    const proxy = await serve(status(400));
    const tunnels: string[] = [];
    proxy.server.on('connect', (request, socket) => {
      tunnels.push(`${request.url} ${request.headers['proxy-authorization']}`);
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
    });
    const through = registry({ HTTPS_PROXY: `http://me:pass%21@${proxy.host}` });
    await expect(through.pin('reg.example/x')).rejects.toThrow('refuses with 407 Proxy Authentication Required');
    expect(tunnels).toEqual([`reg.example:443 Basic ${basic('me:pass!')}`]);
  });

  test('plain HTTP is asked of the proxy by its whole URL', async () => {
    const refusing = await serve(status(400));
    refusing.server.on('connect', (_, socket) => socket.end('HTTP/1.1 200 OK\r\n\r\nno TLS here'));
    const plain = await serve(manifest);
    const env = {
      HTTPS_PROXY: `http://${refusing.host}`,
      HTTP_PROXY: `http://${plain.host}`,
      TCOMPOSE_INSECURE_REGISTRIES: 'reg.example',
    };
    expect(await registry(env).pin('reg.example/x')).toBe(`reg.example/x:latest@${DIGEST}`);
    expect(plain.asked).toEqual(['HEAD http://reg.example/v2/x/manifests/latest']);
  });
});
