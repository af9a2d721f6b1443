/** Mirrors are asked before the registry that they stand for, and what they cannot do, it does. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { openRegistry } from '../../../engine/registry/index.ts';
import { scratchFolder } from '../../helpers/instance.ts';
import { type ServedImages, serveImages } from '../image/a-registry.ts';
import { layer } from '../image/a-store.ts';

const layers = [layer({ name: 'a', data: 'a' })];
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(scratchFolder(), 'mirrors-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let [origin, mirror]: ServedImages[] = [];
beforeEach(async () => {
  [origin, mirror] = [await serveImages(), await serveImages()];
});
afterEach(() => {
  origin!.close();
  mirror!.close();
});

const settings = (text: object | string, where = 'tcompose/registries.json') => {
  const home = mkdtempSync(join(folder, 'home-'));
  mkdirSync(join(home, where, '..'), { recursive: true });
  writeFileSync(join(home, where), typeof text === 'string' ? text : JSON.stringify(text));
  return { HOME: home, XDG_CONFIG_HOME: home, PATH: process.env['PATH'] };
};
const mirrored = (...urls: string[]) => settings({ mirrors: { [origin!.host]: urls } });

test('what the mirror has, the registry is not asked for', async () => {
  const { digest } = mirror!.image('1', layers);
  expect(await openRegistry(mirrored(`http://${mirror!.host}`)).pin(`${origin!.host}/a/b:1`)).toContain(digest);
  expect([mirror!.asked, origin!.asked]).toEqual([['HEAD /v2/a/b/manifests/1'], []]);
});

test('what it has not, or cannot give, the registry gives; who does not answer is asked once', async () => {
  const { digest } = origin!.image('1', layers);
  const registry = openRegistry(mirrored('http://127.0.0.1:1', `http://${mirror!.host}`));
  expect(await registry.pin(`${origin!.host}/a:1`)).toContain(digest);
  expect((await registry.manifest(`${origin!.host}/a@${digest}`)).digest).toBe(digest);
  expect(mirror!.asked).toHaveLength(2);
  expect(origin!.asked).toHaveLength(2);
});

test('docker.io has the mirrors that dockerd was told of', async () => {
  const { digest } = mirror!.image('1', layers);
  const env = settings({ 'registry-mirrors': [`http://${mirror!.host}/`] }, 'docker/daemon.json');
  expect(await openRegistry(env).pin('busybox:1')).toContain(digest);
  expect(mirror!.asked).toEqual(['HEAD /v2/library/busybox/manifests/1']);
});

test.each([
  ['{', 'is not JSON'],
  [{ mirror: {} }, 'has "mirror", which means nothing'],
  [{ mirrors: { 'docker.io': ['ftp://x'] } }, 'which is no address of a host'],
  [{ mirrors: { 'docker.io': ['https://x/folder'] } }, 'which is no address of a host'],
])('a file of ours that is wrong is told: %j', async (text, words) => {
  await expect(openRegistry(settings(text)).pin('busybox:1')).rejects.toThrow(words);
});
