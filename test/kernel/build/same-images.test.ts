/**
 * The Dockerfiles of test/golden/builds give the same files and the same configuration as Docker's builders and buildah made of them.
 * Recorded with: TCOMPOSE_RECORD_WITH=docker scripts/in-private-host npx vitest run --project kernel test/kernel/build/same-images.test.ts
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Host, openHost } from '../../../engine/host.ts';
import { createEngine } from '../../../engine/index.ts';
import type { Engine } from '../../../src/model/engine.ts';
import { buildLauncher } from '../../helpers/build-probe.ts';
import { type Instance, makeInstance, nothingIsLeft, removeInstance } from '../../helpers/instance.ts';
import { busyboxTar } from '../../helpers/small-image.ts';
import { REQUEST } from './a-build.ts';
import { docker } from './a-docker.ts';
import { makeTree, type TreeSpec, tarOfTree, treeLines } from './a-tree.ts';
import { BUILDAH, EXPLAINED } from './explained-differences.ts';
import {
  type BuiltElsewhere,
  byBuildah,
  byDocker,
  comparable,
  hasBuildah,
  prepareBuildah,
  type Wish,
} from './image-builders.ts';

const FOLDER = new URL('../../golden/builds/', import.meta.url).pathname;
const GOLDEN = join(FOLDER, 'recorded.json');
const NAMES = readdirSync(FOLDER).flatMap((file) => (file.endsWith('.Dockerfile') ? [file.slice(0, -11)] : []));
const only = new RegExp(process.env['TCOMPOSE_RECORD_ONLY'] ?? '');

type Outcome = BuiltElsewhere | string;
type Records = Record<string, { legacy?: Outcome; buildkit?: Outcome; buildah?: Outcome }>;

const CONTEXT: TreeSpec = {
  '.dockerignore': '# rules\n*.log\n**/secret\nfolder/skip\n!keep.log\n',
  'a.txt': 'a',
  'b.txt': { text: 'b', mode: 0o600, uid: 12, gid: 13 },
  'x.log': 'ignored',
  'keep.log': 'kept',
  'run.sh': { text: '#!/bin/sh\n', mode: 0o755 },
  'special.txt': { text: 's', mode: 0o4711, uid: 3, gid: 4 },
  'with space.txt': 'blank',
  'folder/': { mode: 0o750, uid: 3, gid: 4 },
  'folder/one.md': '1\n',
  'folder/two.md': { text: '2', mode: 0o640 },
  'folder/three.txt': '3',
  'folder/secret': 'ignored',
  'folder/skip/': {},
  'folder/skip/x': 'ignored',
  'folder/empty/': { mode: 0o700 },
  'folder/sub/': { mode: 0o711 },
  'folder/sub/deep.txt': 'deep',
  'links/': {},
  'links/to-file': { link: '../a.txt' },
  'links/dangling': { link: 'nowhere' },
  'links/absolute': { link: '/etc/passwd' },
  'archive.tar': {
    tar: { 'in/': { uid: 5 }, 'in/x': { text: 'x', uid: 5, gid: 6, mode: 0o640 }, l: { link: 'in/x' } },
  },
  'archive.tgz': { tar: { y: 'y' }, pack: 'gzip' },
};

const ACCOUNTS = 'root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001::/home/app:/bin/sh\n';
const golden: Records = existsSync(GOLDEN) ? JSON.parse(readFileSync(GOLDEN, 'utf8')) : {};
const launcher = buildLauncher();
let instance: Instance;
let engine: Engine;
let host: Host;
let work: string;
let below: ReadonlySet<string>;

/** Times are compared elsewhere (copy-as-docker); what a name of a folder has for its own time is nobody's wish. */
const withoutTime = (lines: readonly string[]) =>
  lines.map((line) => line.replace(/ (?:old|zero|new)$/, '').replace(/"((?:[^"\\]|\\.){201,})"/s, shortened));

/** Long contents by their digest. */
const shortened = (_: string, text: string): string => `sha256:${createHash('sha256').update(text).digest('hex')}`;

/** What differs from the image below. */
const changesOf = (lines: readonly string[]): readonly string[] => {
  const now = new Set(withoutTime(lines).filter((line) => !line.startsWith('/ ')));
  return [
    ...[...below].filter((line) => !now.has(line)).map((line) => `- ${line}`),
    ...[...now].filter((line) => !below.has(line)).map((line) => `+ ${line}`),
  ];
};

beforeAll(async () => {
  instance = await makeInstance();
  host = openHost({ paths: instance, launcher });
  engine = createEngine({ paths: instance, launcher });
  await host.instance();
  work = join(dirname(instance.root), 'work');
  const base = join(work, 'base');
  mkdirSync(base, { recursive: true });
  const { execFileSync } = await import('node:child_process');
  execFileSync('tar', ['-C', base, '-xf', await busyboxTar()]);
  rmSync(join(base, 'etc/passwd'), { force: true });
  rmSync(join(base, 'etc/group'), { force: true });
  await makeTree(launcher, base, { 'etc/passwd': ACCOUNTS, 'etc/group': 'root:x:0:\napp:x:1001:\n' });
  mkdirSync(join(work, 'scratch'));
  const lines = withoutTime(await treeLines(host, [base], join(work, 'scratch')));
  below = new Set(lines.filter((line) => !line.startsWith('/ ')));
  await makeTree(launcher, join(work, 'context'), CONTEXT);
  const tar = await tarOfTree(host, base, join(work, 'scratch'));
  writeFileSync(join(work, 'basis.tar'), tar);
  const { Readable } = await import('node:stream');
  await engine.images.import(Readable.from([tar]), 'basis', { changes: [] });
  if (docker === undefined) return;
  execFileSync(docker, ['import', join(work, 'basis.tar'), 'basis']);
  if (hasBuildah()) prepareBuildah(join(work, 'buildah'), join(work, 'basis.tar'));
}, 300_000);

afterAll(async () => {
  await engine.close();
  await host.close();
  if (docker !== undefined) writeFileSync(GOLDEN, `${JSON.stringify(golden, null, 1)}\n`);
  else await nothingIsLeft(instance);
  await removeInstance(instance);
});

async function ours(name: string, wish: Wish): Promise<Outcome> {
  const { args = {}, labels = {}, target } = wish;
  const request = { ...REQUEST, args, labels, noCache: true, ...(target ? { target } : {}) };
  const context = { kind: 'folder', path: join(work, 'context') } as const;
  const dockerfile = { path: join(FOLDER, `${name}.Dockerfile`) };
  try {
    const { image } = await engine.images.build({ ...request, context, dockerfile });
    const { layerFolders } = await import('../../../engine/build/solve/layers.ts');
    const tree = await treeLines(host, layerFolders(host.paths, image.layers), join(work, 'scratch'));
    return {
      tree: changesOf(tree),
      config: comparable(image.raw['config'] as object as Record<string, unknown>, image.raw['author']),
    };
  } catch (error) {
    return (error as Error).message;
  }
}

const wishOf = (name: string): Wish => {
  const [, json = '{}'] = /^# build (\{.*\})$/m.exec(readFileSync(join(FOLDER, `${name}.Dockerfile`), 'utf8')) ?? [];
  return JSON.parse(json) as Wish;
};

async function record(name: string, wish: Wish): Promise<void> {
  const task = {
    host,
    scratch: join(work, 'scratch'),
    context: join(work, 'context'),
    dockerfile: join(FOLDER, `${name}.Dockerfile`),
    wish,
  };
  const tell = (outcome: Outcome): Outcome =>
    typeof outcome === 'string' ? outcome : { ...outcome, tree: changesOf(outcome.tree) };
  golden[name] = {
    legacy: tell(await byDocker(task, 'legacy')),
    buildkit: tell(await byDocker(task, 'buildkit')),
    ...(hasBuildah() && { buildah: tell(await byBuildah(task, join(work, 'buildah'))) }),
  };
}

test('of what is explained, at most one in ten is not as the legacy builder makes it', () => {
  const built = NAMES.filter((name) => typeof golden[name]?.legacy === 'object');
  const explained = built.filter((name) => EXPLAINED[name] !== undefined);
  expect(built.length).toBeGreaterThan(75);
  expect(explained.length / built.length).toBeLessThan(0.1);
});

describe('the same image as elsewhere', () => {
  for (const name of NAMES)
    test(name, async () => {
      const wish = wishOf(name);
      if (docker !== undefined && only.test(name)) await record(name, wish);
      const theirs = golden[name];
      expect(theirs, 'a record of this Dockerfile').toBeDefined();
      const made = await ours(name, wish);
      const { as, because } = EXPLAINED[name] ?? {
        as: typeof theirs!.legacy === 'string' ? ('buildkit' as const) : ('legacy' as const),
        because: '',
      };
      if (as === 'nobody') expect(made, because).toEqual({ tree: expect.any(Array), config: expect.any(Object) });
      else expect(made, because).toEqual(theirs![as]);
      const { buildah } = theirs!;
      if (buildah !== undefined && typeof buildah !== 'string' && BUILDAH[name] === undefined)
        expect(made, 'as buildah').toEqual(buildah);
    }, 120_000);
});
