/** `tcompose graph` of a project that does not live yet, that lives, and that would change. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { useStack } from '../../helpers/tcompose.ts';
import { fails } from '../checks.ts';

const FILE = `
name: drawn
services:
  web: {image: busybox, command: [sleep, "1000"], ports: ["8080:80", "81"], depends_on: [db], stop_grace_period: 0s}
  db: {image: busybox, command: [sleep, "1000"], volumes: ["data:/data"], stop_grace_period: 0s}
volumes: {data: {}}
`;
const stack = useStack({ files: { 'compose.yaml': FILE } });

test('what nobody has made yet is drawn as the files want it', async () => {
  const text = await stack.must('graph');
  expect(text).toMatch(/^drawn: as the files want it; nothing of it lives\n/);
  expect(text).toMatch(/ {2}8080\/tcp --> 80\n[\s\S]*\| web +\|[\s\S]*needs {3}db/);
});

test('what lives is drawn with its states, subnets and the ports that were chosen', async () => {
  await stack.must('up', '-d');
  const text = await stack.must('graph');
  expect(text).toMatch(/^drawn: as it lives\n/);
  expect(text).toMatch(/\| running +\|/);
  expect(text).toMatch(/ {2}\d{4,5}\/tcp --> 81\n/);
  expect(text).toMatch(/\( default \) {2}network, 172\.\d+\.\d+\.\d+\/\d+ <- web, db\n/);
  // By labels alone.
  expect(await stack.must('-p', 'drawn', 'graph', '--format', 'mermaid')).toMatch(/^flowchart LR\n/);
});

test('--plan marks what up would change; --output writes a file', async () => {
  await stack.write(
    'compose.yaml',
    FILE.replace('8080:80', '8081:80').replace(
      '  db: {',
      '  cache: {image: busybox, command: [sleep, "1000"]}\n  db: {hostname: other, ',
    ),
  );
  const text = await stack.must('graph', '--plan');
  expect(text).toMatch(/- 8080\/tcp/);
  expect(text).toMatch(/\+ 8081\/tcp/);
  expect(text).toMatch(/~ web/);
  expect(text).toMatch(/-\/\+ db/);
  expect(text).toMatch(/\+ cache/);
  expect(await stack.must('graph', '--plan', '--format', 'svg', '-o', 'shop.svg')).toBe('');
  expect(await readFile(join(stack.folder, 'shop.svg'), 'utf8')).toMatch(/^<svg [\s\S]*<\/svg>\n$/);
  expect(await stack.must('graph', '--format', 'dot')).toMatch(/^digraph "drawn" \{/);
});

test('where nothing is there, it says so', async () => {
  fails(await stack.run('-p', 'nobody', 'graph'), { code: 1, says: [/nothing to draw of project nobody/] });
  fails(await stack.run('graph', '-o', 'no/such/folder.svg'), {
    code: 1,
    says: [/cannot write no\/such\/folder\.svg/],
  });
});
