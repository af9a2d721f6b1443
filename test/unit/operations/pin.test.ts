/** Images are pinned to what their tags mean now: the model as docker compose prints it, and an override file of the images alone. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { TcomposeError, type TcomposeErrors } from '../../../src/model/errors.ts';
import { type ConfigOptions, config } from '../../../src/operations/config.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;
const FILE = `
name: pins
services:
  b:
    image: nginx
    volumes:
      - { type: image, source: alpine:3, target: /i }
      - { type: image, source: a, target: /a }
      - { type: bind, source: /tmp, target: /z }
    pre_start:
      - { image: tool, command: [x] }
  a: { image: nginx }
  built: { build: /ctx }
  tagged: { build: /ctx, image: "me/built:\${TAG:-1}" }
  asleep: { image: never, profiles: [p] }
`;

let folder: string;
let asked: string[];
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tcompose-pin-'));
  writeFileSync(join(folder, 'compose.yaml'), FILE);
});
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach(() => {
  asked = [];
});

const pinned = async (image: string) => {
  asked.push(image);
  return `${image}@${DIGEST}`;
};
const run = (options: ConfigOptions) => config({ cwd: folder, environment: {} }, { resolveDigest: pinned, ...options });

test('images of services, mounts and hooks are pinned, each asked for once; services and builds are not images', async () => {
  const { text } = await run({ format: 'json' });
  const { services } = JSON.parse(text);
  expect(asked.sort()).toEqual(['alpine:3', 'me/built:1', 'nginx', 'tool']);
  expect(services.a.image).toBe(`nginx@${DIGEST}`);
  expect(services.b.volumes.map(({ source }: { source: string }) => source)).toEqual([
    `alpine:3@${DIGEST}`,
    'a',
    '/tmp',
  ]);
  expect(services.b.pre_start[0].image).toBe(`tool@${DIGEST}`);
  expect(services.built.image).toBeUndefined();
});

test('the lock file holds images and image mounts, and says which hooks it cannot pin', async () => {
  const { text, diagnostics } = await run({ lock: true });
  expect(text).toBe(`services:
  a:
    image: nginx@${DIGEST}
  b:
    image: nginx@${DIGEST}
    volumes:
      - type: image
        source: alpine:3@${DIGEST}
        target: /i
      - type: image
        source: a
        target: /a
  built: {}
  tagged:
    image: me/built:1@${DIGEST}
`);
  expect(diagnostics.map(({ summary }) => summary)).toContain(
    'service b: images of pre_start hooks cannot be pinned by an override file',
  );
});

test('laid over the files it came from, the lock file gives the model of --resolve-image-digests', async () => {
  const { text } = await run({ lock: true, services: ['a', 'tagged'] });
  writeFileSync(join(folder, 'lock.yaml'), text);
  const files = ['compose.yaml', 'lock.yaml'];
  const services = ['a', 'tagged'];
  const over = await config({ cwd: folder, environment: {}, files }, { services });
  expect(over.text).toBe((await run({ services })).text);
});

test('every image that cannot be pinned is told, with its line', async () => {
  const resolveDigest = async (image: string) => {
    if (image === 'alpine:3') return image;
    throw new TcomposeError(`no ${image}`, { code: 'image-not-found', help: 'look' });
  };
  const failed = (await run({ resolveDigest, quiet: true }).catch((error) => error)) as TcomposeErrors;
  const told = failed.errors.map((error) => [error.message, (error as TcomposeError).at?.start.line]);
  expect(told.sort()).toEqual([
    ['no me/built:1', 14],
    ['no nginx', 12],
    ['no tool', 11],
  ]);
});

test('lists and --no-interpolate keep their meaning', async () => {
  expect((await run({ show: 'services' })).text).toBe('a\nb\nbuilt\ntagged\n');
  expect(asked).toEqual([]);
  await run({ noInterpolate: true });
  expect(asked).toContain(`me/built:$\{TAG:-1}`);
});
