/** What a service may say of its interface on a network, and what it may not, told before anything is touched. */
import { expect, test } from 'vitest';
import { useStack } from '../../helpers/tcompose.ts';
import { containers, fails, inside, nothingToChange } from '../checks.ts';

const service = (name: string, lines: string) => `
  ${name}:
    image: busybox
    command: [sleep, "1000"]
    stop_grace_period: 0s
    networks: {net: {${lines}}}
`;
const file = (...services: string[]) => `
name: wired
services:
${services.join('')}
networks: {net: {ipam: {config: [{subnet: 10.67.0.0/24}]}}}
`;
const OPTIONS = `driver_opts: {
        com.docker.network.endpoint.ifname: lan7,
        com.docker.network.endpoint.sysctls: "net.ipv4.conf.IFNAME.log_martians=1,net.ipv4.conf.IFNAME.accept_redirects=0"}`;
const web = service('web', `ipv4_address: 10.67.0.5, link_local_ips: [169.254.7.7], ${OPTIONS}`);
const stack = useStack({ files: { 'compose.yaml': file(web) } });

test('its name, its settings and link-local addresses besides its own', async () => {
  await stack.must('up', '-d');
  const addresses = await inside(stack, 'web', 'ip', '-4', '-o', 'addr', 'show', 'lan7');
  expect(addresses).toContain('10.67.0.5/24');
  expect(addresses).toContain('169.254.7.7/16');
  expect(await inside(stack, 'web', 'cat', '/proc/sys/net/ipv4/conf/lan7/log_martians')).toBe('1');
  expect(await inside(stack, 'web', 'cat', '/proc/sys/net/ipv4/conf/lan7/accept_redirects')).toBe('0');
  await nothingToChange(stack);
});

test('an address that somebody has, and one outside, are told together, and nothing is made', async () => {
  const others = [service('two', 'ipv4_address: 10.67.0.5'), service('far', 'ipv4_address: 10.99.0.5')];
  await stack.write('compose.yaml', file(web, ...others));
  const result = await stack.run('up', '-d');
  fails(result, {
    code: 1,
    says: [
      'wired-two-1 asks for the address 10.67.0.5, which container wired-web-1 has',
      '10.99.0.5, which is not within',
    ],
  });
  expect(Object.keys(await containers(stack))).toEqual(['web']);
});

test('a subnet that hides a route of the host is told with the route, and nothing is made', async () => {
  await stack.write('vpn.yaml', file(web).replace('name: wired', 'name: vpn').replaceAll('10.67.0.', '198.51.100.'));
  fails(await stack.run('-f', 'vpn.yaml', 'up', '-d'), {
    code: 1,
    says: ["overlaps with this host's route 198.51.100.0/24 that leads to eth0"],
  });
  expect(await stack.must('network', 'ls', '--format', '{{.Name}}')).toBe('wired_net\n');
});
