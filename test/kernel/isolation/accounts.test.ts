/** Users and groups by the names that an image gives them, also where its author meant harm. */
import { execFileSync } from 'node:child_process';
import { createReadStream, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DesiredContainer } from '../../../src/model/desired.ts';
import { busyboxTar } from '../../helpers/small-image.ts';
import { aContainer, outputOf } from '../container/a-container.ts';
import { useEngine } from '../container/use-engine.ts';

const stage = useEngine({ withoutImage: true });
let root: string;
let count = 0;
beforeAll(async () => {
  root = mkdtempSync(join(dirname(stage.instance.root), 'image-'));
  execFileSync('tar', ['-xf', await busyboxTar(), '-C', root]);
});
afterAll(() => rmSync(root, { recursive: true }));

/** Busybox with another /etc/passwd, made by `make` where the path is free. */
async function idWith(make: (path: string) => void, changes: Partial<DesiredContainer>): Promise<string> {
  const path = join(root, 'etc/passwd');
  rmSync(path, { recursive: true, force: true });
  make(path);
  const tar = join(dirname(root), `image-${++count}.tar`);
  execFileSync('tar', ['-C', root, '--owner=0', '--group=0', '-cf', tar, '.']);
  const image = await stage.engine.images.import(createReadStream(tar), `odd:${count}`, { changes: [] });
  rmSync(tar);
  return outputOf(stage.engine, aContainer(image.id, `c-${count}`, { argv: ['id'], ...changes }));
}
const plain = { privileged: false, env: {} };
const link = (target: string) => (path: string) => execFileSync('ln', ['-s', target, path]);
const WEB = 'web:x:1234:1234::/srv:/bin/sh\n';

test('names are looked up in the image: users, their groups, and those that are added', async () => {
  writeFileSync(join(root, 'etc/group'), 'root:x:0:\nweb:x:1234:\nextra:x:77:web\nnamed:x:88:\n');
  const output = await idWith((path) => writeFileSync(path, WEB), { user: 'web', groupAdd: ['named', '99'] });
  expect(output).toMatch(/^uid=1234\(?.*gid=1234/);
  for (const gid of [77, 88, 99]) expect(output).toMatch(new RegExp(`[=,]${gid}\\b`));
});

test('a link within the image is followed there, and one that leads out finds nothing of the host', async () => {
  mkdirSync(join(root, 'srv'), { recursive: true });
  writeFileSync(join(root, 'srv/accounts'), WEB);
  expect(await idWith(link('/srv/accounts'), { user: 'web' })).toMatch(/uid=1234/);
  expect(await idWith(link('../../../../../srv/accounts'), { user: 'web' })).toMatch(/uid=1234/);
  const outside = join(dirname(root), 'outside');
  writeFileSync(outside, 'evil:x:0:0::/:/bin/sh\n');
  await expect(idWith(link(outside), { user: 'evil' })).rejects.toThrow(/unable to find user evil/);
  await expect(idWith(link(`../../../../../../..${outside}`), { user: 'evil' })).rejects.toThrow(/find user evil/);
  rmSync(outside);
});

test('a huge one is read in part, a binary one by its lines', async () => {
  const huge = (path: string) =>
    writeFileSync(path, Buffer.concat([Buffer.from(WEB), Buffer.alloc(48 << 20, 'a:b\n')]));
  expect(await idWith(huge, { user: 'web' })).toMatch(/uid=1234/);
  const noise = Buffer.from(Array.from({ length: 5000 }, (_, index) => (index * 7919) % 256));
  const binary = (path: string) => writeFileSync(path, Buffer.concat([noise, Buffer.from(`\n\0\0:::\n${WEB}`), noise]));
  expect(await idWith(binary, { user: 'web' })).toMatch(/uid=1234/);
});

test('ids beyond the largest, and lines that are none, give nobody root', async () => {
  const odd = 'web:x:4294967296:0::/:\nweb:x:-1:0::/:\nweb:x::::\nweb\nweb:x:0x0:0::/:/bin/sh\n';
  await expect(idWith((path) => writeFileSync(path, odd), { user: 'web' })).rejects.toThrow(/unable to find user web/);
});

test('a pipe, a folder and a link to itself are no accounts, are not waited for, and are said', async () => {
  const pipe = (path: string) => execFileSync('mkfifo', [path]);
  await expect(idWith(pipe, { user: 'web' })).rejects.toThrow(/\/etc\/passwd in the container: it is no ordinary file/);
  await expect(idWith((path) => mkdirSync(path), { user: 'web' })).rejects.toThrow(/it is no ordinary file/);
  await expect(idWith(link('passwd'), { user: 'web' })).rejects.toThrow(/\/etc\/passwd in the container/);
});

test('an exec goes by the accounts of the start, and by the container’s own once it has changed them', async () => {
  rmSync(join(root, 'etc/passwd'), { recursive: true, force: true });
  writeFileSync(join(root, 'etc/passwd'), WEB);
  const tar = join(dirname(root), 'image-exec.tar');
  execFileSync('tar', ['-C', root, '--owner=0', '--group=0', '-cf', tar, '.']);
  const { id } = await stage.engine.images.import(createReadStream(tar), 'odd:exec', { changes: [] });
  rmSync(tar);
  const { containers } = stage.engine;
  await containers.create([{ container: aContainer(id, 'known', { argv: ['sleep', '1000'] }) }]);
  await containers.start(['known']);
  const idOf = async (user: string) =>
    (await containers.capture('known', { argv: ['id', '-u'], user, ...plain })).stdout;
  expect(String(await idOf('web'))).toBe('1234\n');
  const add = ['sh', '-c', 'echo late:x:4321:4321::/:/bin/sh >> /etc/passwd'];
  await containers.capture('known', { argv: add, ...plain });
  expect(String(await idOf('late'))).toBe('4321\n');
});
