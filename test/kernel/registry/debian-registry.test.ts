/** A real registry (Debian's docker-registry) gives digests to whoever may have them, and says why to whoever may not. */
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { credentialsFor } from '../../../engine/registry/credentials.ts';
import { openRegistry } from '../../../engine/registry/index.ts';
import { scratchFolder } from '../../helpers/instance.ts';
import {
  FAR_NAME,
  hasRegistry,
  INDEX,
  PASSWORD,
  putImage,
  startRegistry,
  type TestRegistry,
  USER,
} from '../../helpers/registry.ts';

let folder: string;
let home: string;
beforeAll(() => {
  folder = mkdtempSync(join(scratchFolder(), 'registry-'));
});
beforeEach(() => {
  home = mkdtempSync(join(folder, 'home-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const environment = (more: object = {}) => ({ PATH: process.env['PATH'], HOME: home, ...more });
const ABSENT = `sha256:${'0'.repeat(64)}`;

describe.skipIf(!hasRegistry())('a registry without TLS on loopback', () => {
  let registry: TestRegistry;
  beforeAll(async () => {
    registry = await startRegistry(join(folder, 'plain'));
  });
  afterAll(() => registry?.stop());

  test('a tag is pinned to its manifest, or to its index where it is one', async () => {
    const image = await putImage(registry, 'team/app', '1');
    const index = await registry.putManifest('team/app', 'many', {
      schemaVersion: 2,
      mediaType: INDEX,
      manifests: [{ ...image, platform: { os: 'linux', architecture: 'amd64' } }],
    });
    const { pin } = openRegistry(environment());
    expect(await pin(`${registry.host}/team/app:1`)).toBe(`${registry.host}/team/app:1@${image.digest}`);
    expect(await pin(`${registry.host}/team/app:many`)).toBe(`${registry.host}/team/app:many@${index.digest}`);
  });

  test('a manifest and a blob arrive with their digests proven', async () => {
    const content = await registry.putBlob('team/app', 'hello');
    const image = await putImage(registry, 'team/app', 'latest');
    const client = openRegistry(environment());
    const manifest = await client.manifest(`${registry.host}/team/app`);
    expect(manifest).toMatchObject({ digest: image.digest, mediaType: image.mediaType });
    expect(manifest.bytes.length).toBe(image.size);
    expect(Buffer.from(await client.blob(`${registry.host}/team/app`, content, 100)).toString()).toBe('hello');
    await expect(client.blob(`${registry.host}/team/app`, { ...content, size: 4 }, 100)).rejects.toThrow(
      'more than 4 bytes',
    );
    await expect(client.blob(`${registry.host}/team/app`, content, 3)).rejects.toThrow('more than 3 bytes');
  });

  test('what is not there is said to be not there, with the name and the registry', async () => {
    const missing = {
      code: 'image-not-found',
      message: expect.stringContaining(`${registry.host} does not have team/`),
    };
    const { pin, manifest } = openRegistry(environment());
    await expect(pin(`${registry.host}/team/nothing:1`)).rejects.toMatchObject(missing);
    await expect(manifest(`${registry.host}/team/app@${ABSENT}`)).rejects.toMatchObject(missing);
  });

  test('a digest is kept without asking anybody', async () => {
    expect(await openRegistry(environment()).pin(`nowhere.invalid/x:1@${ABSENT}`)).toBe(`nowhere.invalid/x@${ABSENT}`);
  });

  test('nobody at home is told', async () =>
    expect(openRegistry(environment()).pin('127.0.0.1:1/x')).rejects.toMatchObject({
      code: 'registry-unreachable',
      message: expect.stringContaining('nobody listens there'),
    }));
});

describe.skipIf(!hasRegistry())('a registry with TLS and passwords', () => {
  let registry: TestRegistry;
  let image: string;
  beforeAll(async () => {
    registry = await startRegistry(join(folder, 'closed'), { tls: true, password: true });
    await putImage(registry, 'app', '1');
    image = `${registry.host}/app:1`;
  });
  afterAll(() => registry?.stop());

  const trust = (host = registry.host) => {
    const certificates = join(home, '.config/docker/certs.d', host);
    mkdirSync(certificates, { recursive: true });
    writeFileSync(join(certificates, 'ca.crt'), registry.authority!);
  };
  const login = (config: object) => {
    mkdirSync(join(home, '.docker'), { recursive: true });
    writeFileSync(join(home, '.docker/config.json'), JSON.stringify(config));
  };
  const auth = Buffer.from(`${USER}:${PASSWORD}`).toString('base64');

  test('a certificate of an unknown authority is refused, and the help says where the authority belongs', async () => {
    await expect(openRegistry(environment()).pin(image)).rejects.toMatchObject({
      code: 'registry-tls',
      help: expect.stringContaining(`/etc/docker/certs.d/${registry.host}/ca.crt`),
    });
  });

  test('certs.d and NODE_EXTRA_CA_CERTS are trusted; then a password is asked for', async () => {
    const extra = join(home, 'extra.pem');
    writeFileSync(extra, registry.authority!);
    const unknown = { code: 'registry-unauthorised', help: expect.stringContaining('tcompose login') };
    await expect(openRegistry(environment({ NODE_EXTRA_CA_CERTS: extra })).pin(image)).rejects.toMatchObject(unknown);
    trust();
    await expect(openRegistry(environment()).pin(image)).rejects.toMatchObject(unknown);
  });

  test('through a proxy: a tunnel by the name of the registry, its certificate and its password inside', async () => {
    const tunnels: string[] = [];
    const proxy = createServer();
    proxy.on('connect', (request, socket) => {
      tunnels.push(`${request.url} ${request.headers['authorization'] ?? 'without a password'}`);
      const [address, port] = registry.host.split(':');
      const on = connect(Number(port), address!, () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        on.pipe(socket).pipe(on);
      });
      for (const end of [on, socket]) end.on('error', () => end.destroy());
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    login({ auths: { [FAR_NAME]: { auth } } });
    const env = environment({ HTTPS_PROXY: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}` });
    await expect(openRegistry(env).pin(`${FAR_NAME}/app:1`)).rejects.toMatchObject({ code: 'registry-tls' });
    trust(FAR_NAME);
    expect(await openRegistry(env).pin(`${FAR_NAME}/app:1`)).toContain(`${FAR_NAME}/app:1@sha256:`);
    proxy.close();
    proxy.closeAllConnections();
    expect(new Set(tunnels)).toEqual(new Set([`${FAR_NAME}:443 without a password`]));
  });

  test('a client certificate without its key is told', async () => {
    trust();
    writeFileSync(join(home, '.config/docker/certs.d', registry.host, 'me.cert'), '');
    await expect(openRegistry(environment()).pin(image)).rejects.toThrow('me.cert has no me.key beside it');
  });

  test('what was declared insecure is taken with any certificate', async () => {
    login({ auths: { [registry.host]: { auth } } });
    const { pin } = openRegistry(environment({ TCOMPOSE_INSECURE_REGISTRIES: '127.0.0.0/8' }));
    expect(await pin(image)).toContain('@sha256:');
  });

  test('a wrong password is not the same as none', async () => {
    trust();
    login({ auths: { [registry.host]: { auth: Buffer.from('someone:wrong').toString('base64') } } });
    await expect(openRegistry(environment()).pin(image)).rejects.toThrow('does not let you have');
  });

  test.each([
    ['auths', () => login({ auths: { [`https://${registry.host}/v1/`]: { auth } } }), {}],
    [
      'DOCKER_CONFIG',
      () => login({}),
      () => {
        writeFileSync(join(home, 'config.json'), JSON.stringify({ auths: { [registry.host]: { auth } } }));
        return { DOCKER_CONFIG: home };
      },
    ],
    [
      'DOCKER_AUTH_CONFIG',
      () => login({}),
      () => ({ DOCKER_AUTH_CONFIG: JSON.stringify({ auths: { [registry.host]: { auth } } }) }),
    ],
  ])('credentials of %s open it', async (_, prepare, more) => {
    trust();
    prepare();
    const env = environment(typeof more === 'function' ? more() : more);
    expect(await openRegistry(env).pin(image)).toContain('@sha256:');
  });

  describe('helper programs', () => {
    const helper = (name: string, script: string) => {
      writeFileSync(join(home, `docker-credential-${name}`), `#!/bin/sh\n${script}\n`);
      chmodSync(join(home, `docker-credential-${name}`), 0o755);
    };
    const withHelpers = () => environment({ PATH: `${home}:${process.env['PATH']}` });

    test('the registry is told on standard input, and what is printed is used', async () => {
      trust();
      helper(
        'good',
        `[ "$*" = get ] && [ "$(cat)" = "${registry.host}" ] && echo '{"Username":"${USER}","Secret":"${PASSWORD}"}'`,
      );
      login({ credHelpers: { [registry.host]: 'good' } });
      expect(await openRegistry(withHelpers()).pin(image)).toContain('@sha256:');
      login({ credsStore: 'good' });
      expect(await openRegistry(withHelpers()).pin(image)).toContain('@sha256:');
    });

    test('one that knows nothing leaves the word to auths', async () => {
      trust();
      helper('empty', 'echo "credentials not found in native keychain"; exit 1');
      login({ credsStore: 'empty', auths: { [registry.host]: { auth } } });
      expect(await openRegistry(withHelpers()).pin(image)).toContain('@sha256:');
    });

    test.each([
      ['broken', 'echo "the vault is locked"; exit 1', 'the vault is locked'],
      ['strange', 'echo 3', 'what it printed is not what the protocol asks for'],
      ['absent', undefined, 'it is not installed'],
    ])('%s: what it says is told', async (name, script, why) => {
      trust();
      if (script !== undefined) helper(name, script);
      login({ credsStore: name });
      await expect(openRegistry(withHelpers()).pin(image)).rejects.toThrow(why);
    });

    test('one that hangs is not waited for, whoever it left behind', async () => {
      helper('hangs', `sleep 60 & echo $! > ${home}/left; wait`);
      login({ credsStore: 'hangs' });
      const before = Date.now();
      await expect(credentialsFor(registry.host, withHelpers(), 500)).rejects.toThrow('within 0.5 seconds');
      expect(Date.now() - before).toBeLessThan(30_000);
      process.kill(Number(readFileSync(join(home, 'left'), 'utf8')));
    });

    test('a name that is a path runs nothing', async () => {
      trust();
      login({ credsStore: '../../bin/sh' });
      await expect(openRegistry(withHelpers()).pin(image)).rejects.toMatchObject({ code: 'bad-docker-config' });
    });
  });
});
