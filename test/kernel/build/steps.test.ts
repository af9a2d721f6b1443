/** Each instruction, built and looked at. */
import { expect, test } from 'vitest';
import { useEngine } from '../container/use-engine.ts';
import { build, failedBuild, shown } from './a-build.ts';

const stage = useEngine();

test('RUN writes a layer that the image shows', async () => {
  const { image, output } = await build(
    stage.engine,
    'FROM busybox\nRUN echo hello > /a && echo seen\nRUN cat /a > /b',
  );
  expect(output).toBe('seen\n');
  expect(image.layers).toHaveLength(3);
  expect(await shown(stage.engine, image, 'cat /a /b; ls -A /dev /proc /etc | head -50')).toContain('hello\nhello\n');
});

test('a step that fails tells its line and its exit code', async () => {
  const { error, output, titles } = await failedBuild(stage.engine, 'FROM busybox\nRUN true\nRUN echo bad >&2; exit 7');
  expect(error).toMatchObject({ code: 'build-step-failed', at: { start: { line: 3 } } });
  expect(error.message).toContain('exit code: 7');
  expect(output).toBe('bad\n');
  expect(titles('failed')).toEqual(['RUN echo bad >&2; exit 7']);
});
