/** What a stack builds goes to its registry and comes back; the store says what it takes, and gives it back after a question. */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { scratchFolder } from '../../helpers/instance.ts';
import { hasRegistry, startRegistry, type TestRegistry } from '../../helpers/registry.ts';
import { useStack } from '../../helpers/tcompose.ts';
import { fails } from '../checks.ts';

const stack = useStack({ image: 'small' });

describe.skipIf(!hasRegistry())('with a registry', () => {
  let registry: TestRegistry;
  let home: string;
  beforeAll(async () => {
    home = mkdtempSync(join(scratchFolder(), 'push-'));
    registry = await startRegistry(join(home, 'registry'));
  });
  afterAll(async () => {
    await registry?.stop();
    rmSync(home, { recursive: true, force: true });
  });

  test('push sends what is built and has a name, and nothing else', async () => {
    const image = `${registry.host}/team/built`;
    await stack.write(
      'compose.yaml',
      JSON.stringify({
        name: 'pushes',
        services: {
          built: { image: `${image}:1`, build: { context: '.', tags: [`${image}:also`] } },
          foreign: { image: 'busybox' },
          nameless: { build: '.' },
        },
      }),
    );
    await stack.must('image', 'tag', 'busybox', `${image}:1`);
    await stack.must('image', 'tag', 'busybox', `${image}:also`);
    const { code, stderr } = await stack.run('push');
    expect([code, stderr]).toEqual([0, expect.stringContaining(`Image ${image}:1  Pushed`)]);
    expect(stderr).toContain(`Image ${image}:also  Pushed`);
    expect(stderr).not.toContain('Image busybox');
  });

  test('image push says the digest, under which the image is known here and pulled again', async () => {
    const ref = `${registry.host}/by-hand:1`;
    await stack.must('image', 'tag', 'busybox', ref);
    const [, digest] = /^\S+\/by-hand:1: digest: (sha256:[0-9a-f]{64}) size: \d+\n$/.exec(
      await stack.must('image', 'push', ref),
    )!;
    expect(await stack.must('image', 'ls', '--digests', ref)).toContain(digest);
    await stack.must('image', 'rm', ref);
    expect(await stack.must('image', 'pull', `${registry.host}/by-hand@${digest}`)).toContain(digest!);
    await stack.must('image', 'tag', 'busybox', `${registry.host}/all:a`);
    await stack.must('image', 'tag', 'busybox', `${registry.host}/all:b`);
    expect(
      (await stack.must('image', 'push', '--all-tags', '-q', `${registry.host}/all`))
        .split('\n')
        .filter(Boolean)
        .sort(),
    ).toEqual(['a', 'b'].map((tag) => `${registry.host}/all:${tag}`));
  });

  test('a push that cannot be says which image and why; --ignore-push-failures goes on', async () => {
    await stack.write('compose.yaml', 'name: p\nservices: { web: { image: "127.0.0.1:1/x:1", build: . } }\n');
    await stack.must('image', 'tag', 'busybox', '127.0.0.1:1/x:1');
    fails(await stack.run('push'), {
      code: 1,
      says: [/cannot reach the registry 127\.0\.0\.1:1: nobody listens there/],
    });
    const { code, stderr } = await stack.run('push', '--ignore-push-failures');
    expect([code, stderr]).toEqual([0, expect.stringContaining('warning: cannot reach the registry')]);
    await stack.must('image', 'rm', '127.0.0.1:1/x:1');
  });
});

test('what is saved into a file is loaded again', async () => {
  const file = join(stack.folder, 'saved.tar');
  await stack.must('image', 'tag', 'busybox', 'saved:1');
  await stack.must('image', 'save', '-o', file, 'saved:1');
  await stack.must('image', 'rm', 'saved:1');
  expect(await stack.must('image', 'load', '-i', file)).toContain('Loaded image: saved:1\n');
  await stack.must('image', 'rm', 'saved:1');
});

test('system df counts, history tells, and prunes take only what nobody needs', async () => {
  await stack.write('compose.yaml', 'name: df\nservices: { box: { image: busybox, command: sleep 600 } }\n');
  await stack.must('up', '-d');
  expect(await stack.must('system', 'df')).toMatch(/^Images +\d+ +1 .*\nContainers +1 +1 /m);
  expect(await stack.must('image', 'history', 'busybox')).toMatch(
    /^IMAGE +CREATED +CREATED BY +SIZE +COMMENT\n[0-9a-f]{12} /,
  );
  expect(await stack.must('image', 'prune', '-af')).toMatch(/Total reclaimed space: 0B\n$/);
  const asked = await stack.runWith({ input: 'n\n' }, 'system', 'prune', '-a');
  expect(asked.stdout + asked.stderr).toContain('all stopped containers');
  expect(await stack.must('ps', '-q')).not.toBe('');
  await stack.must('stop', '-t', '0');
  const pruned = await stack.must('system', 'prune', '-f');
  expect(pruned).toMatch(/^Deleted Containers:\ndf-box-1\n\nDeleted Networks:\ndf_default\n/);
  expect(await stack.must('image', 'ls', '-q', 'busybox')).not.toBe('');
});
