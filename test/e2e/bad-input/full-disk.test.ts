/** A disk that is full: said in one message, and once there is room again the same command works. */
import { execFileSync } from 'node:child_process';
import { rm, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { busyboxTar } from '../../helpers/small-image.ts';
import { useStack } from '../../helpers/tcompose.ts';
import { containers, fails, nothingToChange } from '../checks.ts';

const stack = useStack({
  onTmpfs: '8m',
  files: {
    'compose.yaml':
      'name: full\nservices:\n  web:\n    image: busybox\n    command: [sleep, "1000"]\n    volumes: [data:/data]\nvolumes: { data: }\n',
  },
});
const filler = () => join(dirname(stack.instance.root), 'filler');
const fill = async () => {
  const { bavail, bsize } = await statfs(dirname(stack.instance.root));
  execFileSync('fallocate', ['-l', String(bavail * bsize), filler()]);
};

test('importing an image says so, and leaves no half of it', async () => {
  const before = await stack.must('image', 'ls', '-q');
  await fill();
  const result = await stack.run('image', 'import', await busyboxTar(), 'another:1');
  await rm(filler());
  fails(result, { code: 1, says: [/no space left|disk is full/i] });
  expect(await stack.must('image', 'ls', '-q')).toBe(before);
});

test('up says so and leaves nothing running; with room it goes on', async () => {
  await fill();
  const result = await stack.run('up', '-d');
  await rm(filler());
  fails(result, { code: 1, says: [/no space left|disk is full/i] });
  expect(Object.values(await containers(stack)).filter(({ State }) => State === 'running')).toEqual([]);
  await stack.must('up', '-d');
  expect((await containers(stack))['web']!.State).toBe('running');
  await nothingToChange(stack);
});
