/** Networks made by hand, shared by projects as `external`, and removed when nobody uses them. */
import { expect, test } from 'vitest';
import { useStack } from '../../helpers/tcompose.ts';
import { fails, inside } from '../checks.ts';

const FILE = (name: string, address: string) => `
name: ${name}
services:
  web:
    image: busybox
    command: [sh, -c, "echo ${name} > /tmp/index.html && exec httpd -f -p 80 -h /tmp"]
    stop_grace_period: 0s
    networks: {shared: {ipv4_address: ${address}, aliases: [${name}]}}
networks: {shared: {external: true, name: meeting}}
`;
const stack = useStack({ files: { 'compose.yaml': FILE('one', '10.66.0.11'), 'two.yaml': FILE('two', '10.66.0.12') } });
const names = async (...argv: string[]) =>
  (await stack.must('network', 'ls', '--format', '{{.Name}}', ...argv)).split('\n').filter(Boolean);

test('two projects meet on a network that neither of them made', async () => {
  fails(await stack.run('up', '-d'), { code: 1, says: ['network meeting is declared as external'] });
  const made = ['--subnet', '10.66.0.0/24', '--gateway', '10.66.0.254', '--ip-range', '10.66.0.64/26'];
  const more = [
    '--aux-address',
    'router=10.66.0.64',
    '--label',
    'team=front',
    '-o',
    'com.docker.network.driver.mtu=1400',
  ];
  const id = (await stack.must('network', 'create', ...made, ...more, 'meeting')).trim();
  expect(id).toMatch(/^[0-9a-f]{64}$/);
  fails(await stack.run('network', 'create', 'meeting'), {
    code: 1,
    says: ['network with name meeting already exists'],
  });

  await stack.must('up', '-d');
  await stack.must('-f', 'two.yaml', 'up', '-d');
  expect(await inside(stack, 'web', 'wget', '-qO-', 'http://two/')).toBe('two');
  const [found] = JSON.parse(await stack.must('network', 'inspect', id.slice(0, 12)));
  expect(found).toMatchObject({
    Name: 'meeting',
    Labels: { team: 'front' },
    IPAM: {
      Config: [
        {
          Subnet: '10.66.0.0/24',
          Gateway: '10.66.0.254',
          IPRange: '10.66.0.64/26',
          AuxiliaryAddresses: { router: '10.66.0.64' },
        },
      ],
    },
  });
  const users = '{{range .Containers}}{{.Name}} {{.IPv4Address}};{{end}}';
  expect(await stack.must('network', 'inspect', '-f', users, 'meeting')).toContain('two-web-1 10.66.0.12/24;');

  const subnet = '{{(index .IPAM.Config 0).Subnet}}';
  expect(await stack.must('network', 'inspect', '-f', subnet, 'meeting')).toBe('10.66.0.0/24\n');
  const partly = await stack.run('network', 'inspect', '-f', '{{.Name}}', 'nosuch', 'meeting');
  fails(partly, { code: 1, says: ['no such network: nosuch'] });
  expect(partly.stdout).toBe('meeting\n');

  fails(await stack.run('network', 'rm', 'meeting'), { code: 1, says: ['in use by one-web-1, two-web-1'] });
  await stack.must('down');
  fails(await stack.run('network', 'rm', 'meeting'), { code: 1, says: ['in use by two-web-1'] });
  await stack.must('-f', 'two.yaml', 'down');
  expect(await names()).toEqual(['meeting']);
  expect(await stack.must('network', 'rm', 'meeting')).toBe('meeting\n');
  expect(await names()).toEqual([]);
  fails(await stack.run('network', 'rm', 'meeting'), { code: 1, says: ['no such network: meeting'] });
  expect((await stack.run('network', 'rm', '-f', 'meeting')).code).toBe(0);
});

test('filters choose, and prune removes what no container is on', async () => {
  for (const [name, team] of [
    ['a-front', 'front'],
    ['b-back', 'back'],
    ['c-front', 'front'],
  ])
    await stack.must('network', 'create', '--label', `team=${team}`, name!);
  expect(await names('--filter', 'label=team=front')).toEqual(['a-front', 'c-front']);
  expect(await names('-f', 'name=back', '-f', 'name=a-')).toEqual(['a-front', 'b-back']);
  expect(await names('-f', 'dangling=false')).toEqual([]);
  fails(await stack.run('network', 'ls', '-f', 'colour=red'), { code: 2, says: ['--filter colour=red is not known'] });
  await stack.must('network', 'create', '--subnet', '10.66.0.0/24', 'meeting');
  await stack.must('up', '-d');
  await stack.must('stop', '-t', '0');
  expect(await stack.must('network', 'prune', '-f', '--filter', 'label!=team=back')).toBe(
    'Deleted Networks:\na-front\nc-front\n\n',
  );
  expect(await names()).toEqual(['b-back', 'meeting']);
  await stack.must('down');
  await stack.must('network', 'prune', '-f');
  expect(await names()).toEqual([]);
});

test('what cannot be is said by the flag’s name, with nothing made', async () => {
  const refused = async (says: string | RegExp, ...argv: string[]) =>
    fails(await stack.run('network', 'create', ...argv, 'meeting'), { code: 2, says: [says] });
  await refused('--gateway 10.1.0.1 is in no subnet', '--gateway', '10.1.0.1');
  await refused('--driver overlay is not known', '-d', 'overlay');
  expect(await names()).toEqual([]);
});
