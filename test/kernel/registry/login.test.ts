/** Logging in keeps what docker would keep, where docker would, and only what the registry takes; logging out forgets it. */
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openRegistry } from '../../../engine/registry/index.ts';
import { openAccounts } from '../../../engine/registry/login.ts';
import { scratchFolder } from '../../helpers/instance.ts';
import { hasRegistry, PASSWORD, putImage, startRegistry, type TestRegistry, USER } from '../../helpers/registry.ts';

let folder: string;
let home: string;
let config: string;
beforeAll(() => {
  folder = mkdtempSync(join(scratchFolder(), 'login-'));
});
beforeEach(() => {
  home = mkdtempSync(join(folder, 'home-'));
  config = join(home, '.docker/config.json');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const env = () => ({ HOME: home, PATH: `${home}/bin:${process.env['PATH']}` });
const accounts = () => openAccounts(env());
const ME = { username: USER, password: PASSWORD };
const read = () => JSON.parse(readFileSync(config, 'utf8'));
const begin = (document: object) => {
  mkdirSync(join(home, '.docker'), { recursive: true });
  writeFileSync(config, JSON.stringify(document));
};

describe.skipIf(!hasRegistry())('a registry with passwords', () => {
  let registry: TestRegistry;
  beforeAll(async () => {
    registry = await startRegistry(join(folder, 'registry'), { password: true });
    await putImage(registry, 'team/app', '1');
  });
  afterAll(() => registry?.stop());

  test('whoever has logged in gets what others do not, until they log out', async () => {
    const image = `${registry.host}/team/app:1`;
    await expect(openRegistry(env()).pin(image)).rejects.toMatchObject({ code: 'registry-unauthorised' });
    expect(await accounts().login(`http://${registry.host}/v2/`, ME)).toMatchObject({ where: config, isPlain: true });
    expect(await openRegistry(env()).pin(image)).toContain(`${image}@sha256:`);
    expect(await accounts().logout(registry.host)).toEqual({ domain: registry.host, wasKnown: true });
    await expect(openRegistry(env()).pin(image)).rejects.toMatchObject({ code: 'registry-unauthorised' });
    expect(await accounts().logout(registry.host)).toMatchObject({ wasKnown: false });
  });

  test('the file is for its owner only, and keeps all else that is in it', async () => {
    begin({ psFormat: 'table', auths: { other: { auth: 'eDp5' } } });
    chmodSync(config, 0o644);
    await accounts().login(registry.host, ME);
    expect(statSync(config).mode & 0o777).toBe(0o600);
    expect(read()).toEqual({
      psFormat: 'table',
      auths: {
        other: { auth: 'eDp5' },
        [registry.host]: { auth: Buffer.from(`${USER}:${PASSWORD}`).toString('base64') },
      },
    });
  });

  test('a file that is a link elsewhere stays one', async () => {
    mkdirSync(join(home, '.docker'));
    writeFileSync(join(home, 'elsewhere'), '{}');
    symlinkSync(join(home, 'elsewhere'), config);
    await accounts().login(registry.host, ME);
    expect(Object.keys(JSON.parse(readFileSync(join(home, 'elsewhere'), 'utf8')).auths)).toEqual([registry.host]);
  });

  test('a wrong password is refused, and nothing is kept', async () => {
    await expect(accounts().login(registry.host, { ...ME, password: 'wrong' })).rejects.toMatchObject({
      code: 'registry-unauthorised',
      message: `${registry.host} does not take this name and password`,
    });
    expect(() => read()).toThrow('ENOENT');
  });

  test('a credential helper keeps the password in place of the file, and erases it', async () => {
    begin({ credsStore: 'test' });
    mkdirSync(join(home, 'bin'));
    const said = join(home, 'said');
    writeFileSync(join(home, 'bin/docker-credential-test'), `#!/bin/sh\n{ echo "$1"; cat; echo; } >> ${said}\n`, {
      mode: 0o755,
    });
    expect(await accounts().login(registry.host, ME)).toMatchObject({
      where: 'docker-credential-test',
      isPlain: false,
    });
    expect(read()).toEqual({ credsStore: 'test', auths: { [registry.host]: {} } });
    await accounts().logout(registry.host);
    expect(readFileSync(said, 'utf8').trim().split('\n')).toEqual([
      'store',
      JSON.stringify({ ServerURL: registry.host, Username: USER, Secret: PASSWORD }),
      'erase',
      registry.host,
    ]);
    expect(read()).toEqual({ credsStore: 'test', auths: {} });
  });
});
