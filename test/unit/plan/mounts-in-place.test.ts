/** Which changes of mounts leave the process alone, and what another text of a secret or config means. */
import { describe, expect, test } from 'vitest';
import type { DesiredContainer } from '../../../src/model/desired.ts';
import { containerDifferences } from '../../../src/plan/compare.ts';
import { desire } from '../../../src/plan/desire.ts';
import { mountsAreLive, textEffects, whyNotLive } from '../../../src/plan/mounts-in-place.ts';
import { fakeImage } from '../../helpers/fake-live.ts';
import { projectOf } from '../../helpers/project.ts';

const IMAGES = new Map([
  ['nginx', fakeImage('nginx')],
  ['other', fakeImage('other')],
]);

async function made(service: string, { top = '', files = {} as Record<string, string> } = {}) {
  const project = await projectOf(
    `name: shop\nservices:\n  web:\n    image: nginx\n${service}\nvolumes: {a: {}, b: {}}\n${top}`,
  );
  const bytes = new Map(Object.entries(files).map(([name, text]) => [`/srv/${name}`, Buffer.from(text)]));
  return desire(project, IMAGES, { files: bytes });
}
const container = async (...args: Parameters<typeof made>): Promise<DesiredContainer> =>
  (await made(...args)).state.containers[0]!;
const volumes = (...list: string[]) => container(`    volumes: [${list.join(', ')}]`);

describe('a running container', () => {
  test.each([
    ['a volume', 'b:/b', true],
    ['a folder of the host', './x:/x', true],
    ['an anonymous volume', '/x', true],
    ['a tmpfs', '{type: tmpfs, target: /t}', true],
    ['an image', '{type: image, source: other, target: /i}', true],
    ['something within another mount', 'b:/a/deep', true],
    ['something over what the engine mounts', 'b:/etc', false],
    ['something in a folder of the kernel’s', 'b:/dev/x', false],
    ['what is shared with the host', '{type: bind, source: ./x, target: /x, bind: {propagation: rshared}}', false],
  ])('is given %s: %s → %s', async (_what, mount, isLive) => {
    const [from, to] = [await volumes('a:/a'), await volumes('a:/a', mount)];
    expect(mountsAreLive(from, to)).toBe(isLive);
  });

  test.each([
    ['a:/a', 'a:/a', '', undefined],
    ['a:/a', 'a:/a, b:/b', '', undefined],
    ['a:/a', 'b:/b', '', /files open on \/a/],
    ['a:/a', 'b:/a', '', /mounted on \/a cannot be another/],
    ['a:/a', 'a:/a, b:/b', '    read_only: true', /read-only/],
    ['a:/a', 'a:/a, b:/b', '    userns_mode: private', undefined],
    ['a:/a/b', 'a:/a/b, b:/a', '', /\/a would cover others/],
  ])('from %s to %s with "%s": why it is made anew is said', async (from, to, more, says) => {
    const one = (list: string) => container(`    volumes: [${list}]\n${more}`);
    const why = whyNotLive(await one(from), await one(to));
    if (says === undefined) expect(why).toBeUndefined();
    else expect(why).toMatch(says);
  });

  test('is made anew where a mount goes, changes, or its root is read-only', async () => {
    const from = await volumes('a:/a', 'b:/b');
    expect(mountsAreLive(from, await volumes('a:/a'))).toBe(false);
    expect(mountsAreLive(from, await volumes('a:/a', 'b:/b:ro'))).toBe(false);
    expect(mountsAreLive(from, await container('    read_only: true\n    volumes: [a:/a, b:/b, /c]'))).toBe(false);
  });
});

describe('another text', () => {
  const config = (text: string, word = '') =>
    container('    configs: [c]', {
      top: `configs:\n  c: {content: ${text}${word && `, x-tcompose: {on_change: ${word}}`}}\n`,
    });
  const costs = async (from: DesiredContainer, to: DesiredContainer) =>
    containerDifferences(to, from).map(({ cost, path, to }) => [cost, path.join('.'), to]);

  test('is written in place, without being shown', async () => {
    const [one, two] = [await config('one'), await config('two')];
    expect(await costs(one, two)).toEqual([['live', 'volumes./c', 'config c (0:0 444) (another content)']]);
    expect(JSON.stringify(two.mounts)).not.toContain('two');
    expect(textEffects(one, two)).toEqual({ restart: [], signals: [] });
  });
  test.each([
    ['recreate', 'process', { restart: [], signals: [] }],
    ['restart', 'live', { restart: ['config c has another content'], signals: [] }],
    ['signal HUP', 'live', { restart: [], signals: ['SIGHUP'] }],
    ['signal SIGUSR1', 'live', { restart: [], signals: ['SIGUSR1'] }],
  ])('with on_change: %s', async (word, cost, effects) => {
    const [one, two] = [await config('one', word), await config('two', word)];
    expect((await costs(one, two))[0]![0]).toBe(cost);
    expect(textEffects(one, two)).toEqual(effects);
  });
  test('is nothing with on_change: none', async () => {
    expect(await costs(await config('one', 'none'), await config('two', 'none'))).toEqual([]);
  });
  test('of the same bytes under another name is another digest: nobody learns that two secrets are the same', async () => {
    const { state } = await made('    configs: [c, d]', { top: 'configs: {c: {content: x}, d: {content: x}}\n' });
    const digests = state.containers[0]!.mounts.map((mount) => 'content' in mount && mount.content?.digest);
    expect(new Set(digests).size).toBe(2);
  });
});

describe('a file of the host', () => {
  const top = 'secrets: {s: {file: /srv/s}}\n';
  test('is bound, and its text counts', async () => {
    const one = await container('    secrets: [s]', { top, files: { s: 'one' } });
    const two = await container('    secrets: [s]', { top, files: { s: 'two' } });
    expect(one.mounts[0]).toMatchObject({ kind: 'bind', target: '/run/secrets/s', readOnly: true });
    expect(containerDifferences(two, one).map(({ cost }) => cost)).toEqual(['live']);
  });
  test('is copied where it is to have an owner or a mode', async () => {
    const use = '    secrets: [{source: s, uid: "70", mode: 0400}]';
    const { state, contents } = await made(use, { top, files: { s: 'text' } });
    expect(state.containers[0]!.mounts[0]).toMatchObject({ kind: 'file', uid: 70, gid: 0, mode: 0o400 });
    expect([...contents.values()].map(String)).toEqual(['text']);
  });
});
