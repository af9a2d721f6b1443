/**
 * The second form of the example: images of its own, built from Dockerfiles. What they begin with is the image of the first form here, whose
 * packages are installed: `apt-get` only says yes, since there are no mirrors in the private host.
 */
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { TOP, useStack } from '../../helpers/tcompose.ts';
import { containers, page, pageEventually } from '../checks.ts';

const stack = useStack({ image: 'base', folder: join(TOP, 'examples/visits') });
const FILES = ['-f', 'compose.yaml', '-f', 'compose.build.yaml'];
const BASE = `FROM tcompose-demo/base
RUN printf '#!/bin/sh\\necho "apt-get $*"\\n' > /usr/bin/apt-get && chmod 755 /usr/bin/apt-get
`;

beforeAll(async () => {
  const input = BASE;
  const made = await stack.runWith(
    { env: stack.instance.env, input },
    ...['image', 'build', '-q', '-t', 'tcompose-demo/debian', '-'],
  );
  expect([made.code, made.stderr]).toEqual([0, '']);
}, 120_000);

test('up builds an image for each service, and the stack runs from them with nothing bound from the host', async () => {
  const result = await stack.run(...FILES, 'up', '-d');
  expect([result.code, result.stderr]).toEqual([0, expect.stringMatching(/\[web 2\/3\] RUN apt-get update/)]);
  expect(result.stderr).toContain('apt-get install -y --no-install-recommends postgresql');
  const rows = await containers(stack);
  for (const service of ['app', 'cache', 'database'])
    expect(rows[service]).toMatchObject({ State: 'running', Health: 'healthy', Image: `visits-${service}` });
  expect(JSON.parse(await pageEventually('http://127.0.0.1:8080/api/visits')).visits).toBe(1);
});

test('files of the image with data begin the volumes that it lends, and a job of it adds to them', async () => {
  expect(await page('http://127.0.0.1:8080/static/style.css')).toContain('#2a6');
  expect(await page('http://127.0.0.1:8080/generated/about.html')).toContain('a container that lends its volumes');
});

test('up again has nothing to build and nothing to change', async () => {
  const again = await stack.run(...FILES, 'up', '-d');
  expect(again.stderr).toContain('nothing to change');
  expect(again.stderr).not.toContain('Built');
});
