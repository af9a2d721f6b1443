/** What is made again, and what is not. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { cacheUse, trimCache } from '../../../engine/image/build-cache.ts';
import { sweep, sweepCacheMounts } from '../../../engine/image/sweep.ts';
import { useEngine } from '../container/use-engine.ts';
import { build, failedBuild, shown } from './a-build.ts';

const stage = useEngine();

test('an unchanged build gives the same image and runs nothing', async () => {
  const text = 'FROM busybox\nENV a=1\nRUN echo $a > /a\nWORKDIR /w\nRUN date > d\nCMD ["x"]';
  const first = await build(stage.engine, text);
  const second = await build(stage.engine, text, { tags: ['again'] });
  expect(second.image.id).toBe(first.image.id);
  expect([first.built.isNew, second.built.isNew]).toEqual([true, false]);
  expect(second.titles('done')).toEqual([]);
  expect(second.titles('cached')).toHaveLength(4);
  expect(second.image.tags).toEqual(['docker.io/library/again:latest']);
});

test.each([
  ['another line', 'RUN echo 2 > /b', {}],
  ['an ENV above', 'ENV e=1\nRUN echo 1 > /b', {}],
  ['an ARG above, with its value', 'ARG g=0\nRUN echo 1 > /b', { args: { g: '1' } }],
  ['another user', 'USER 1000\nRUN echo 1 > /tmp/b', {}],
  ['another folder', 'WORKDIR /tmp\nRUN echo 1 > /b', {}],
  ['another shell', 'SHELL ["/bin/ash", "-c"]\nRUN echo 1 > /b', {}],
  ['another network', 'RUN echo 1 > /b', { network: 'host' }],
  ['another host', 'RUN echo 1 > /b', { extraHosts: ['db:10.0.0.1'] }],
  ['no cache', 'RUN echo 1 > /b', { noCache: true }],
  ['no cache for this stage', 'RUN echo 1 > /b', { noCacheFilter: ['s'] }],
])('%s means that a RUN is made again', async (_, text, more) => {
  const before = 'FROM busybox AS s\nRUN echo 1 > /b';
  await build(stage.engine, before);
  expect((await build(stage.engine, before)).titles('done')).toEqual([]);
  const { titles } = await build(stage.engine, `FROM busybox AS s\n${text}`, more);
  expect(titles('done').some((title) => title.startsWith('RUN'))).toBe(true);
});

test.each([
  ['a label', 'LABEL x=1\nRUN echo 1 > /k', {}],
  ['a proxy', 'RUN echo 1 > /k', { args: { HTTP_PROXY: 'http://p' } }],
  ['the name of its stage', 'RUN echo 1 > /k', { noCacheFilter: ['other'] }],
  ['a command', 'CMD ["a"]\nRUN echo 1 > /k', {}],
])('%s does not', async (_, text, more) => {
  await build(stage.engine, 'FROM busybox AS s\nRUN echo 1 > /k');
  const { titles } = await build(stage.engine, `FROM busybox AS t\n${text}`, more);
  expect(titles('done')).toEqual([]);
});

test('what finished before a failure need not be done again, in another Dockerfile either', async () => {
  const { titles } = await failedBuild(stage.engine, 'FROM busybox\nRUN echo long > /long\nRUN false');
  expect(titles('done')).toEqual(['RUN echo long > /long']);
  const again = await build(stage.engine, '# another\nFROM busybox AS x\nRUN echo long > /long\nRUN true');
  expect(again.titles('cached')).toContain('RUN echo long > /long');
});

test('layers of the cache stay when the image goes', async () => {
  const text = 'FROM busybox\nRUN echo kept > /kept';
  const { image } = await build(stage.engine, text);
  await stage.engine.images.remove(image.id, { force: true });
  const again = await build(stage.engine, text);
  expect(again.titles('done')).toEqual([]);
  expect(await shown(stage.engine, again.image, 'cat /kept')).toBe('kept');
});

test('SOURCE_DATE_EPOCH makes the same digest of the same input', async () => {
  const text = 'FROM busybox\nRUN mkdir /d && echo 1 > /d/f && ln -s f /d/l\nWORKDIR /w/x';
  const ids = [];
  for (let round = 0; round < 2; round++) {
    const { image } = await build(stage.engine, text, { sourceDateEpoch: 1_600_000_000, noCache: true });
    expect(image.createdAt).toBe('2020-09-13T12:26:40.000Z');
    ids.push(image.id);
    await new Promise((resolve) => setTimeout(resolve, 1100));
  }
  expect(ids[0]).toBe(ids[1]);
});

test('unneeded stages are left out, others are built side by side', async () => {
  const meet = (own: string, other: string) =>
    `RUN --mount=type=cache,id=meet,target=/m echo ${own} > /m/${own}; for i in $(seq 100); do [ -e /m/${other} ] && exit 0; sleep 0.1; done; exit 1`;
  const text = [
    `FROM busybox AS a\n${meet('a', 'b')}\nRUN echo a > /file`,
    'FROM busybox AS unneeded\nRUN false',
    `FROM busybox AS b\n${meet('b', 'a')}\nRUN echo b > /file`,
    'FROM busybox\nRUN --mount=from=a,target=/a --mount=from=b,target=/b cat /a/file /b/file > /both; cat /both',
  ].join('\n');
  const { output } = await build(stage.engine, text);
  expect(output).toBe('a\nb\n');
});

test('the cache holds no secret', async () => {
  const secrets = [{ id: 'token', source: { content: Buffer.from('s3cr3t-value') } }];
  const text =
    'FROM busybox\nRUN --mount=type=secret,id=token --mount=type=secret,id=token,env=TOKEN test "$(cat /run/secrets/token)" = "$TOKEN" && stat -c %a:%u /run/secrets/token';
  const { output, image } = await build(stage.engine, text, { secrets });
  expect(output).toBe('400:0\n');
  expect(JSON.stringify(image.raw)).not.toContain('s3cr3t');
  const cache = join(stage.instance.root, 'images/cache');
  for (const name of readdirSync(cache)) expect(readFileSync(join(cache, name), 'utf8')).not.toContain('s3cr3t');
  expect(await shown(stage.engine, image, 'ls -A /run 2>/dev/null | wc -l')).toBe('0');
  const other = await build(stage.engine, text, { secrets: [{ id: 'token', source: { content: Buffer.from('x') } }] });
  expect(other.titles('done')).toEqual([]);
});

test('the cache is kept within bounds, the least used first; folders of caches go when nobody uses them', async () => {
  const paths = { root: stage.instance.root, run: stage.instance.run };
  const text =
    'FROM busybox AS a\nRUN --mount=type=cache,target=/c,id=old echo 1 > /one\nFROM busybox\nRUN --mount=from=a,target=/a cp /a/one /two';
  await build(stage.engine, text);
  const { entries, bytes } = await cacheUse(paths);
  expect(bytes).toBeGreaterThan(0);
  expect(await trimCache(paths, { entries: entries - 1, bytes: Number.POSITIVE_INFINITY })).toBe(1);
  expect(await trimCache(paths, { entries: Number.POSITIVE_INFINITY, bytes: 0 })).toBeGreaterThan(0);
  // What images have stays.
  expect((await cacheUse(paths)).bytes).toBe(0);
  expect((await sweep(paths)).length).toBeGreaterThan(0);
  expect(await sweepCacheMounts(paths, Date.now() - 60_000)).toBe(0);
  expect(await sweepCacheMounts(paths, Date.now() + 60_000)).toBeGreaterThan(0);
  expect((await build(stage.engine, text)).titles('done').length).toBeGreaterThan(0);
});
