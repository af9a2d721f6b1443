/** COPY and ADD make the trees that Docker makes: path, type, mode, owner, content, attributes and whose time it is. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CopyServices } from '../../../engine/build/copy/contract.ts';
import { type Host, openHost } from '../../../engine/host.ts';
import { buildLauncher } from '../../helpers/build-probe.ts';
import { type Instance, makeInstance, nothingIsLeft, removeInstance } from '../../helpers/instance.ts';
import { docker, importBase, recorded } from './a-docker.ts';
import { buildSmall } from './a-small-builder.ts';
import { makeTree, tarOfTree, treeLines } from './a-tree.ts';
import { BASE, CASES, contextOf, dockerfileOf } from './copy-cases.ts';

const GOLDEN = new URL('../../golden/build-copy/trees.json', import.meta.url).pathname;
type Outcome = readonly string[] | string;
type Golden = Record<string, { buildkit?: Outcome; legacy?: Outcome }>;

/** BuildKit takes set-user-id bits over from the context; its first builder, buildah and we do not (copy/put.ts). */
const AS_LEGACY: ReadonlySet<string> = new Set(['modes of all kinds']);

const golden: Golden = JSON.parse(readFileSync(GOLDEN, 'utf8')) as Golden;
const launcher = buildLauncher();
let instance: Instance;
let host: Host;
let work: string;
let base: string;
let baseLines: readonly string[];
let count = 0;

beforeAll(async () => {
  instance = await makeInstance();
  host = openHost({ paths: instance, launcher });
  await host.instance();
  work = join(dirname(instance.root), 'work');
  base = join(work, 'base');
  await makeTree(launcher, base, BASE);
  baseLines = await treeLines(host, [base], join(work, 'scratch'));
  if (docker !== undefined) importBase(await tarOfTree(host, base, join(work, 'scratch')));
});

afterAll(async () => {
  await host.close();
  await nothingIsLeft(instance);
  await removeInstance(instance);
  if (docker !== undefined) writeFileSync(GOLDEN, `${JSON.stringify(golden, null, 1)}\n`);
});

/** What differs from the image below; all of it where there is none. */
function changes(lines: readonly string[], dockerfile: string): readonly string[] {
  const below = dockerfile.includes('FROM scratch\n') ? [] : baseLines;
  const ignored = (line: string) => /^\/ /.test(line);
  return [
    ...below.filter((line) => !lines.includes(line)).map((line) => `- ${line}`),
    ...lines.filter((line) => !below.includes(line)).map((line) => `+ ${line}`),
  ].filter((line) => !ignored(line.slice(2)));
}

async function tried(name: string): Promise<Outcome> {
  const one = CASES[name]!;
  const folder = join(work, String(++count));
  const context = join(folder, 'context');
  await makeTree(launcher, context, contextOf(one));
  const scratch = join(folder, 'scratch');
  mkdirSync(scratch);
  const tell = (outcome: Outcome) => (typeof outcome === 'string' ? outcome : changes(outcome, dockerfileOf(one)));
  try {
    if (docker !== undefined && new RegExp(process.env['TCOMPOSE_RECORD_ONLY'] ?? '').test(name)) {
      const [buildkit, legacy] = [
        tell(await recorded(host, 'buildkit', context, scratch)),
        tell(await recorded(host, 'legacy', context, scratch)),
      ];
      golden[name] = { buildkit, ...(JSON.stringify(legacy) !== JSON.stringify(buildkit) && { legacy }) };
    }
    const services: CopyServices = { host, scratch, secrets: [], ssh: [], signal: new AbortController().signal };
    const layers = await buildSmall(services, context, base).catch((error: Error) => error.message);
    return tell(typeof layers === 'string' ? layers : await treeLines(host, layers, scratch));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Folders of which only a part is copied have the time of their source with us: BuildKit leaves them that of the build. */
const withTimesOf = (theirs: readonly string[], ours: Outcome): Outcome =>
  typeof ours === 'string'
    ? ours
    : ours.map((line) => {
        const younger = /^\+ .* d\d+ .* old$/.test(line) ? line.replace(/old$/, 'new') : line;
        return theirs.includes(younger) ? younger : line;
      });

describe('the same tree as BuildKit', () => {
  for (const name of Object.keys(CASES))
    test(name, async () => {
      const ours = await tried(name);
      const theirs = golden[name]?.[AS_LEGACY.has(name) ? 'legacy' : 'buildkit'];
      expect(theirs, 'a record of this case').toBeDefined();
      const { stricter } = CASES[name]!;
      if (typeof theirs === 'string' || stricter !== undefined)
        expect(ours, stricter ?? String(theirs)).toEqual(expect.any(String));
      else expect(withTimesOf(theirs!, ours)).toEqual(theirs);
    });
});
