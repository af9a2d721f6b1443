/** What docker compose publish makes is read back from a real registry; what only looks like it is refused. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openRegistry } from '../../../engine/registry/index.ts';
import type { Fetched } from '../../../src/model/remote.ts';
import { openRemotes } from '../../../src/remote/index.ts';
import { scratchFolder } from '../../helpers/instance.ts';
import {
  type ComposeFile,
  hasRegistry,
  INDEX,
  MANIFEST,
  putImage,
  putProject,
  startRegistry,
  type TestRegistry,
} from '../../helpers/registry.ts';

let folder: string;
let cache: string;
let registry: TestRegistry;

describe.skipIf(!hasRegistry())('artifacts', () => {
  beforeAll(async () => {
    folder = mkdtempSync(join(scratchFolder(), 'artifact-'));
    registry = await startRegistry(join(folder, 'registry'));
  });
  afterAll(async () => {
    await registry?.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  beforeEach(() => {
    cache = mkdtempSync(join(folder, 'cache-'));
  });

  const env = (more: object = {}) => ({ PATH: process.env['PATH'], HOME: folder, XDG_CACHE_HOME: cache, ...more });
  const fetch = (reference: string, more: object = {}) =>
    openRemotes({
      env: env(more),
      registry: async () => openRegistry(env()),
      runGit: () => Promise.reject(new Error('no git here')),
    }).fetch(`oci://${registry.host}/${reference}`, false);
  const main: ComposeFile = { text: 'services: {web: {image: nginx}}\n' };

  test('files lie side by side, overrides become documents of the first', async () => {
    const files: ComposeFile[] = [
      main,
      { text: 'services: {web: {image: other}}\n' },
      { text: 'services: {}\n', extends: 'f8.yaml' },
      { text: 'A=1\n', env: '5e.env' },
    ];
    const made = await putProject(registry, 'stack', '1', files);
    const fetched = (await fetch('stack:1')) as Fetched;
    expect(fetched).toEqual({
      ok: true,
      root: join(cache, 'tcompose/oci', made.digest.slice(7)),
      file: join(cache, 'tcompose/oci', made.digest.slice(7), 'compose.yaml'),
      name: `oci://${registry.host}/stack:1/`,
    });
    expect(readdirSync(fetched.root).sort()).toEqual(['5e.env', 'compose.yaml', 'f8.yaml']);
    expect(readFileSync(fetched.file, 'utf8')).toBe(`${main.text}\n---\n${files[1]!.text}`);
  });

  test('by digest, in the older form, and behind an index', async () => {
    const old = await putProject(registry, 'old', '1', [main], { old: true });
    expect(await fetch(`old@${old.digest}`)).toMatchObject({ ok: true });
    const project = await putProject(registry, 'app', 'x', [main]);
    const image = await putImage(registry, 'app', 'image');
    const manifests = [image, { ...project, artifactType: 'application/vnd.docker.compose.project' }];
    await registry.putManifest('app', '1', { schemaVersion: 2, mediaType: INDEX, manifests });
    expect(readFileSync(((await fetch('app:1')) as Fetched).file, 'utf8')).toBe(main.text);
    await registry.putManifest('app', '2', { schemaVersion: 2, mediaType: INDEX, manifests: [image] });
    expect(await fetch('app:2')).toMatchObject({
      ok: false,
      why: expect.stringContaining('none of its manifests is a Compose project'),
    });
  });

  test.each([
    ['../../x.yaml', { extends: '../../x.yaml' }],
    ['a/b.yaml', { extends: 'a/b.yaml' }],
    ['..', { env: '..' }],
    ['a\\b', { env: 'a\\b' }],
    ['compose.yaml', { env: 'compose.yaml' }],
    ['a NUL', { env: 'a\0b' }],
    ['', { env: '' }],
  ])('a file named %j is refused, and nothing is kept', async (_, name) => {
    await putProject(registry, 'hostile', '1', [main, { text: 'x', ...name }]);
    expect(await fetch('hostile:1')).toMatchObject({ ok: false, why: expect.stringContaining('it names a file') });
    expect(readdirSync(join(cache, 'tcompose/oci'))).toEqual([]);
  });

  test('two files of one name, none at all, an image, and a large one are refused', async () => {
    const why = async (tag: string) => (await fetch(`strange:${tag}`)) as { why: string };
    await putProject(registry, 'strange', 'twice', [main, { text: 'a', env: '.env' }, { text: 'b', env: '.env' }]);
    expect((await why('twice')).why).toContain('it has two files ".env"');
    await putProject(registry, 'strange', 'none', [{ text: 'a', env: '.env' }]);
    expect((await why('none')).why).toContain('it has no Compose file');
    await putImage(registry, 'strange', 'image');
    expect((await why('image')).why).toContain('is no Compose project: it is application/vnd.oci.image.config.v1+json');
    await putProject(registry, 'strange', 'large', [{ text: ' '.repeat(3 << 20) }]);
    expect((await why('large')).why).toContain('more than 2097152 bytes');
    expect((await why('absent')).why).toContain('does not have');
    await registry.putManifest('strange', 'odd', {
      schemaVersion: 2,
      mediaType: MANIFEST,
      artifactType: 'application/vnd.other',
      ...(await emptyConfig()),
    });
    expect((await why('odd')).why).toContain('it is application/vnd.other');
  });

  const emptyConfig = async () => ({
    config: { ...(await registry.putBlob('strange', '{}')), mediaType: 'application/vnd.oci.empty.v1+json' },
    layers: [],
  });

  test('the switch turns it off', async () =>
    expect(await fetch('stack:1', { COMPOSE_EXPERIMENTAL_OCI_REMOTE: 'false' })).toMatchObject({
      ok: false,
      why: 'COMPOSE_EXPERIMENTAL_OCI_REMOTE turns it off',
    }));
});
