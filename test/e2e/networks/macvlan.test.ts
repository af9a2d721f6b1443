/** A Compose file with a macvlan network: containers as machines of a network that the host is on, from the file to `why`. */
import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Why } from '../../../src/operations/why.ts';
import { eventually } from '../../helpers/eventually.ts';
import { useStack } from '../../helpers/tcompose.ts';
import { containers, fails, HOST, identities, inside, nothingToChange, plannedSteps } from '../checks.ts';

const httpd = `[sh, -c, "hostname > /tmp/index.html && exec httpd -f -p 80 -h /tmp"]`;
const file = ({ parent = 'lanport', more = '', web = '[lan]' } = {}) => `
name: home
services:
  web: {image: busybox, hostname: web, command: ${httpd}, networks: ${web}, ports: ["8087:80"], stop_grace_period: 0s}
  box:
    image: busybox
    hostname: box
    command: ${httpd}
    networks: {lan: {ipv4_address: 10.91.0.40, mac_address: "02:00:5e:00:53:40"}, front: {}}
    stop_grace_period: 0s
  inner: {image: busybox, hostname: inner, command: ${httpd}, networks: [front], stop_grace_period: 0s}
networks:
  lan:
    driver: macvlan
    driver_opts: {parent: ${parent}${more}}
    ipam: {config: [{subnet: 10.91.0.0/24, gateway: 10.91.0.1, ip_range: 10.91.0.64/27}]}
  front: {}
`;
const ip = (...argv: string[]) => execFileSync('ip', argv, { stdio: ['ignore', 'pipe', 'pipe'] }).toString();
const removeParent = () => ip('netns', 'delete', 'lan');
function makeParent(): void {
  ip('netns', 'add', 'lan');
  ip('link', 'add', 'lanport', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', 'lan');
  ip('link', 'set', 'lanport', 'addrgenmode', 'none', 'up');
  ip('-n', 'lan', 'link', 'set', 'eth0', 'up');
  ip('-n', 'lan', 'address', 'add', '10.91.0.1/24', 'dev', 'eth0');
}
const page =
  (...prefix: string[]) =>
  (address: string) => {
    const argv = [...prefix, 'curl', '--silent', '--noproxy', '*', '--max-time', '3', `http://${address}/`];
    try {
      return execFileSync(argv[0]!, argv.slice(1)).toString().trim();
    } catch {
      return '-';
    }
  };
const fromLan = page('ip', 'netns', 'exec', 'lan');
const fromOutside = page('ip', 'netns', 'exec', 'outside');
async function why(...argv: string[]): Promise<Why> {
  return JSON.parse((await stack.run('why', '--format', 'json', ...argv)).stdout) as Why;
}

// The order of these counts: the stack is taken down before its parent goes.
beforeAll(makeParent);
afterAll(() => void removeParent());
const stack = useStack({ files: { 'compose.yaml': file() } });

test('up: each has an address of that network, the ports are not published and that is said, names and pages reach all', async () => {
  const { stderr } = await stack.run('up', '-d');
  expect(stderr).toContain('service web has an address of its own on the macvlan network lan');
  expect(await inside(stack, 'web', 'ip', '-4', '-o', 'addr', 'show', 'eth0')).toContain('10.91.0.64/24');
  await eventually(async () => expect(fromLan('10.91.0.64')).toBe('web'));
  expect(fromLan('10.91.0.40')).toBe('box');
  expect(ip('-n', 'lan', 'neigh', 'show', '10.91.0.40')).toContain('02:00:5e:00:53:40');
  expect(await inside(stack, 'web', 'wget', '-qO-', 'http://box/')).toBe('box');
  expect(await inside(stack, 'box', 'wget', '-qO-', 'http://inner/')).toBe('inner');
  expect(fromOutside(`${HOST}:8087`)).toBe('-');
  expect((await containers(stack))['web']!.Publishers).toEqual([]);
  await nothingToChange(stack);
});

test('network ls, inspect and graph tell the driver and the parent', async () => {
  expect(await stack.must('network', 'ls', '--format', '{{.Name}} {{.Driver}} {{.Parent}}')).toContain(
    'home_lan macvlan lanport\n',
  );
  const [lan] = JSON.parse(await stack.must('network', 'inspect', 'home_lan')) as Record<string, unknown>[];
  expect(lan).toMatchObject({ Driver: 'macvlan', Parent: 'lanport', Options: { parent: 'lanport' } });
  expect(await stack.must('graph', '--format', 'mermaid')).toContain('macvlan upon lanport');
});

test('why: a neighbour is reached without a rule, and the host is told that it cannot', async () => {
  const works = await why('web', 'box:80');
  expect(works.works, JSON.stringify(works.hops)).toBe(true);
  expect(works.hops.find(({ hop }) => hop === 'rules')?.says).toContain('no firewall rule is met');
  const fails = await why('host', 'web:80');
  expect([fails.works, fails.brokenAt]).toEqual([false, 'published']);
  expect(fails.hops.at(-1)?.says ?? '').not.toBe('');
});

test('a network of the file is left and joined in place, and so is one by hand', async () => {
  const before = await identities(stack);
  await stack.write('compose.yaml', file({ web: '[lan, front]' }));
  await stack.must('up', '-d');
  expect(await inside(stack, 'web', 'wget', '-qO-', 'http://inner/')).toBe('inner');
  await stack.must('network', 'connect', '--ip', '10.91.0.50', 'home_lan', 'home-inner-1');
  await eventually(async () => expect(fromLan('10.91.0.50')).toBe('inner'));
  await stack.must('network', 'disconnect', 'home_lan', 'home-inner-1');
  expect(fromLan('10.91.0.50')).toBe('-');
  await stack.write('compose.yaml', file());
  await stack.must('up', '-d');
  expect(await identities(stack)).toEqual(before);
  await nothingToChange(stack);
});

test('what cannot be is told with its line, and nothing is touched', async () => {
  const before = await identities(stack);
  await stack.write('compose.yaml', file({ parent: 'nowhere0' }));
  fails(await stack.run('up', '-d'), {
    code: 1,
    says: ['asks for the parent nowhere0: this host has no such interface', 'compose.yaml:15', 'ip link'],
  });
  await stack.write('compose.yaml', file({ more: ', macvlan_mode: sideways' }));
  fails(await stack.run('up', '-d'), { code: 1, says: ['asks for macvlan_mode: sideways', 'bridge'] });
  await stack.write('compose.yaml', file());
  expect(await identities(stack)).toEqual(before);
});

test('a parent that is lost is named by the plan, and mended once it is back', async () => {
  const before = await identities(stack);
  removeParent();
  await eventually(async () =>
    expect((await plannedSteps(stack)).map(({ id }) => id)).toContain('network.repair home_lan'),
  );
  fails(await stack.run('up', '-d'), { code: 1, says: ['the parent lanport of the network home_lan is gone'] });
  makeParent();
  await stack.must('up', '-d');
  expect(fromLan('10.91.0.64')).toBe('web');
  expect(await identities(stack)).toEqual(before);
  await nothingToChange(stack);
});

test('a restart finds its address again, and a change of the mode makes the network anew', async () => {
  await stack.must('restart', '-t', '0', 'web');
  await eventually(async () => expect(fromLan('10.91.0.64')).toBe('web'));
  await stack.write('compose.yaml', file({ more: ', macvlan_mode: private' }));
  await stack.must('up', '-d');
  await eventually(async () => expect(fromLan('10.91.0.64')).toBe('web'));
  expect((await stack.run('exec', 'web', 'wget', '-T', '1', '-qO-', 'http://10.91.0.40/')).code).not.toBe(0);
});
