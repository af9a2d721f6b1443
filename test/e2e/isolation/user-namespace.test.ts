/** Services with ids of their own, from a file to what is seen: ports, names, secrets, hooks, run; and a change of the mode. */
import { expect, test } from 'vitest';
import { useStack } from '../../helpers/tcompose.ts';
import { containers, HOST, identities, nothingToChange, pageEventually } from '../checks.ts';

const file = (mode = 'auto', more = '') => `
name: users
services:
  web:
    image: busybox
    userns_mode: ${mode}
    command: [sh, -c, "id -u > /www/index.html; exec httpd -f -p 80 -h /www"]
    ports: ["8080:80"]
    volumes: ["data:/www", "./bound:/bound", "./asked:/asked:idmap"]
    secrets: [key]
    healthcheck: { test: [CMD, wget, -q, -O, "-", "http://127.0.0.1"], interval: 1s }
    post_start: [{ command: [sh, -c, "touch /www/hook; stat -c %u /www/hook | grep -q 0"] }]
    restart: always
  side:
    image: busybox
    userns_mode: ${mode === 'host' ? 'host' : 'private'}
    network_mode: service:web
    command: [sleep, "1000"]
  client:
    image: busybox
    userns_mode: private
    command: [sleep, "1000"]
    depends_on: { web: { condition: service_healthy } }
${more}
secrets:
  key: { file: ./key }
volumes:
  data:
`;
const stack = useStack({ files: { 'compose.yaml': file(), key: 'secret', 'bound/x': '', 'asked/x': '' } });
const inside = (service: string, script: string) => stack.must('exec', '-T', service, 'sh', '-c', script);
const mapOf = async (service: string) =>
  (await inside(service, 'cat /proc/self/uid_map')).trim().split(/ +/).map(Number);

test('are reached by port and name, read their secrets, and are nobody in folders of the host', async () => {
  await stack.must('up', '-d', '--wait');
  expect(await pageEventually(`http://${HOST}:8080`, 'outside')).toBe('0\n');
  expect(await inside('client', 'wget -q -O - http://web')).toBe('0\n');
  expect(await inside('side', 'wget -q -O - http://127.0.0.1')).toBe('0\n');
  expect(await inside('web', 'cat /run/secrets/key; stat -c " %u" /run/secrets/key /bound/x /asked/x')).toBe(
    'secret 0\n 65534\n 0\n',
  );
  const [web, side, client] = await Promise.all(['web', 'side', 'client'].map(mapOf));
  expect(side).toEqual(web);
  expect([web![0], web![2]]).toEqual([0, 65_536]);
  expect(Math.abs(client![1]! - web![1]!)).toBeGreaterThanOrEqual(65_536);
  await nothingToChange(stack);
});

test('run, restart, pause, top and stats work on them', async () => {
  const { stdout, code } = await stack.run('run', '--rm', '-T', '--user', 'web', 'client', 'sh', '-c', 'id -u; exit 3');
  expect([stdout, code]).toEqual(['1000\n', 3]);
  const before = await mapOf('web');
  await stack.must('restart', '-t', '0', 'web');
  expect(await mapOf('web')).toEqual(before);
  await stack.must('pause', 'client');
  await stack.must('unpause', 'client');
  expect(await stack.must('top', 'web')).toContain(`${before[1]}`);
  expect(await stack.must('stats', '--no-stream')).toContain('users-web-1');
});

test('another mode makes the container anew, with the reason; its data stays and is root’s', async () => {
  const before = await identities(stack);
  await stack.write('compose.yaml', file('host'));
  const plan = await stack.must('plan');
  expect(plan).toMatch(/users-side-1 +recreate +userns_mode: "private" → nothing +compose\.yaml:16\n/);
  expect(plan).toContain('userns_mode: "auto:size=65536" → nothing   compose.yaml:6');
  await stack.must('up', '-d', '-t', '0', '--wait');
  expect((await containers(stack))['web']?.State).toBe('running');
  expect((await identities(stack))['client']).toBe(before['client']);
  expect(await inside('web', 'cat /proc/self/uid_map; stat -c %u /www/hook /bound/x')).toMatch(
    /^ +0 +0 +4294967295\n0\n0\n$/,
  );
});

test('what cannot be is told with its line, and nothing is touched', async () => {
  const before = await identities(stack);
  const bad = (line: string, mode = 'auto') =>
    `  bad:\n    image: busybox\n    userns_mode: ${mode}\n    command: [sleep, "1"]\n    ${line}\n`;
  for (const [text, message] of [
    [bad('pid: host'), /service bad cannot have pid: host beside userns_mode: auto\n +compose\.yaml:28:10/],
    [bad('tty: true', 'keep-id'), /keep-id/],
    [
      bad('network_mode: service:web'),
      /has a user namespace, and service:web, whose network_mode it shares, has none\n +compose\.yaml:28/,
    ],
  ] as const) {
    await stack.write('compose.yaml', file('host', text));
    const { code, stderr, stdout } = await stack.run('up', '-d');
    expect(code).not.toBe(0);
    expect(stderr + stdout).toMatch(message);
  }
  expect(await identities(stack)).toEqual(before);
});
