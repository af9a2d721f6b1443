/** The example stack from end to end, as its README tells it. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { TOP, useStack } from '../../helpers/tcompose.ts';
import {
  containers,
  HOST,
  identities,
  inside,
  nothingToChange,
  notReachable,
  page,
  pageEventually,
} from '../checks.ts';

const stack = useStack({ image: 'base', folder: join(TOP, 'examples/visits') });
const visits = async (): Promise<number> => JSON.parse(await pageEventually('http://127.0.0.1:8080/api/visits')).visits;

test('up starts everything in order, and waits for what must be healthy or finished', async () => {
  await stack.must('up', '-d');
  const rows = await containers(stack);
  expect(Object.keys(rows).sort()).toEqual(['app', 'assets', 'cache', 'database', 'web']);
  for (const service of ['app', 'cache', 'database'])
    expect(rows[service]).toMatchObject({ State: 'running', Health: 'healthy' });
  expect(rows['web']).toMatchObject({
    State: 'running',
    Publishers: [8080, 8080].map((PublishedPort) => ({ PublishedPort, TargetPort: 80 })),
  });
  expect(rows['assets']).toMatchObject({ State: 'exited', ExitCode: 0 });
});

test('the page comes through the published port: on localhost, by the address of the host, and from outside', async () => {
  expect(await page('http://127.0.0.1:8080/')).toContain('<h1>Hello, visitor 1</h1>');
  expect(await page(`http://${HOST}:8080/`)).toContain('visitor 2');
  expect(await page(`http://${HOST}:8080/`, 'outside')).toContain('visitor 3');
});

test('nginx serves the files of the volume container: its bind mount and its anonymous volume', async () => {
  expect(await page('http://127.0.0.1:8080/static/style.css')).toContain('#2a6');
  expect(await page('http://127.0.0.1:8080/generated/about.html')).toContain('a container that lends its volumes');
  const write = await stack.run('exec', '-T', 'web', 'touch', '/srv/www/generated/x');
  expect(write.code).not.toBe(0);
  expect(write.stderr).toContain('Read-only file system');
});

test('nginx can neither name nor reach PostgreSQL, the application can by both names', async () => {
  const database = await inside(stack, 'database', 'hostname', '-I');
  const connect = (host: string) => [
    'python3',
    '-c',
    `import socket; socket.create_connection(("${host}", 5432), 2); print("open")`,
  ];
  for (const host of ['database', 'db', database.trim()]) {
    expect((await stack.run('exec', '-T', 'web', ...connect(host))).code).not.toBe(0);
  }
  for (const host of ['database', 'db', database.trim()])
    expect(await inside(stack, 'app', ...connect(host))).toBe('open');
});

test('the link is known to the application alone', async () => {
  expect((await stack.run('exec', '-T', 'cache', 'getent', 'hosts', 'db')).code).toBe(2);
  expect(await inside(stack, 'cache', 'getent', 'hosts', 'database')).toContain('database');
});

test('nothing but nginx is reachable from outside, whatever route the neighbour takes', async () => {
  const app = (await inside(stack, 'app', 'hostname', '-I')).split(' ')[0]!;
  await notReachable(`http://${HOST}:8000/health`, 'outside');
  await notReachable(`http://${app}:8000/health`, 'outside');
});

test('a network that is internal has no way out, another has', async () => {
  const reach = [
    'python3',
    '-c',
    'import socket; s=socket.socket(); s.settimeout(2); print(s.connect_ex(("198.51.100.1", 9)))',
  ];
  expect(await inside(stack, 'web', ...reach)).toBe('111'); // Refused by the neighbour: the way there and back works.
  expect(await inside(stack, 'database', ...reach)).not.toBe('111');
});

test('up again changes nothing and says so', async () => {
  const before = await identities(stack);
  const result = await stack.run('up', '-d');
  expect(result.code).toBe(0);
  await nothingToChange(stack);
  expect(await identities(stack)).toEqual(before);
});

test('logs say what the services printed, with their names before it', async () => {
  expect(await stack.must('logs', '--no-color', 'app')).toMatch(/^app-1\s+\| listening on port 8000$/m);
});

test('port tells where a service is published', async () => {
  expect(await stack.must('port', 'web', '80')).toBe('0.0.0.0:8080\n');
});

test('the counter survives down and up', async () => {
  const before = await visits();
  await stack.must('down');
  expect(await containers(stack)).toEqual({});
  await notReachable('http://127.0.0.1:8080/');
  await stack.must('up', '-d');
  expect(await visits()).toBe(before + 1);
});

test('the counter is gone after down -v', async () => {
  await stack.must('down', '-v');
  expect(await stack.must('volume', 'ls', '-q')).not.toContain('visits_data');
  await stack.must('up', '-d');
  expect(await visits()).toBe(1);
});
