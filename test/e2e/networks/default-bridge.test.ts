/** `network_mode: bridge`: a network that nobody declares, on which containers know each other by links alone. */
import { expect, test } from 'vitest';
import { useStack } from '../../helpers/tcompose.ts';
import { inside, nothingToChange, page, pageEventually } from '../checks.ts';

const FILE = `
name: old
services:
  db:
    image: busybox
    network_mode: bridge
    command: [sh, -c, "echo data > /tmp/index.html && exec httpd -f -p 80 -h /tmp"]
    stop_grace_period: 0s
  web:
    image: busybox
    network_mode: bridge
    links: ["db:database"]
    ports: ["8080:80"]
    command: [sh, -c, "echo page > /tmp/index.html && exec httpd -f -p 80 -h /tmp"]
    stop_grace_period: 0s
`;
const stack = useStack({ files: { 'compose.yaml': FILE } });
const networks = async () => await stack.must('network', 'ls', '--format', 'json');

test('it is made with the first container on it, is not theirs alone, and goes with the last', async () => {
  expect(await networks()).not.toContain('"bridge"');
  await stack.must('up', '-d');
  expect(JSON.parse(await networks())).toMatchObject({ Name: 'bridge', Driver: 'bridge' });
  await nothingToChange(stack);

  // Published ports, links and inter-container communication as everywhere; no other names.
  expect(await pageEventually('http://127.0.0.1:8080/')).toBe('page\n');
  const addressOf = async (service: string) => (await inside(stack, service, 'hostname', '-i')).split(' ')[0]!;
  const [web, db] = [await addressOf('web'), await addressOf('db')];
  expect(await inside(stack, 'web', 'cat', '/etc/hosts')).toMatch(new RegExp(`^${db}\tdatabase .*old-db-1$`, 'm'));
  expect(await inside(stack, 'web', 'nslookup', 'database')).toContain(db);
  for (const name of ['web', 'old-web-1'])
    expect((await stack.run('exec', '-T', 'db', 'nslookup', name)).code).not.toBe(0);
  expect(await inside(stack, 'db', 'wget', '-qO-', `http://${web}/`)).toBe('page');

  // Another project's, by another command.
  await stack.write('other.yaml', FILE.replace('name: old', 'name: other').replace('8080', '8081'));
  await stack.must('-f', 'other.yaml', 'up', '-d');
  expect((await stack.run('down')).stderr).not.toContain('Network bridge');
  expect(JSON.parse(await networks())).toMatchObject({ Name: 'bridge' });
  expect(await page('http://127.0.0.1:8081/')).toBe('page\n');
  expect((await stack.run('-f', 'other.yaml', 'down')).stderr).toMatch(/Network bridge +Removed/);
  expect(await networks()).not.toContain('"bridge"');
});

test('nobody else may have its name', async () => {
  await stack.write('named.yaml', 'services: {web: {image: busybox}}\nnetworks: {default: {name: bridge}}\n');
  const { code, stderr } = await stack.run('-f', 'named.yaml', 'up', '-d');
  expect(code).toBe(2);
  expect(stderr).toContain('the engine has that network itself');
});
