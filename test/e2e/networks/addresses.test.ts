/** Addresses that are asked for by number change hands in one `up`: nobody is told that they are in use where the end is sound. */
import { expect, test } from 'vitest';
import { useStack } from '../../helpers/tcompose.ts';
import { containers, identities, inside, nothingToChange } from '../checks.ts';

type Wanted = Readonly<Record<string, { readonly ipv4?: string; readonly env?: string }>>;
const file = (services: Wanted) => `
name: hands
services:
${Object.entries(services)
  .map(
    ([name, { ipv4, env }]) => `
  ${name}:
    image: busybox
    command: [sh, -c, "echo ${name} > /tmp/index.html && exec httpd -f -p 80 -h /tmp"]
    stop_grace_period: 0s
    environment: {SAYS: "${env ?? ''}"}
    networks: {default: {${ipv4 ? `ipv4_address: 10.79.0.${ipv4}` : ''}}}`,
  )
  .join('')}
networks: {default: {ipam: {config: [{subnet: 10.79.0.0/24}]}}}
`;
const stack = useStack({ files: { 'compose.yaml': file({ a: {} }) } });

async function up(services: Wanted, ...flags: string[]): Promise<void> {
  await stack.write('compose.yaml', file(services));
  await stack.must('up', '-d', ...flags);
  await nothingToChange(stack);
  const all = Object.keys(await containers(stack));
  const asker = Object.keys(services).at(-1)!;
  for (const [name, { ipv4 }] of Object.entries(services)) {
    expect(all).toContain(name);
    if (ipv4) expect(await inside(stack, asker, 'wget', '-qO-', `http://10.79.0.${ipv4}/`)).toBe(name);
    expect(await inside(stack, asker, 'wget', '-qO-', `http://${name}/`)).toBe(name);
  }
}
const address = async (name: string) =>
  (await inside(stack, name, 'ip', '-4', '-o', 'addr', 'show', 'eth0')).replace(/.*inet ([\d.]+).*/s, '$1');

test('two that run swap theirs, both processes stay', async () => {
  await up({ a: { ipv4: '2' }, b: { ipv4: '3' }, peer: {} });
  const before = await identities(stack);
  await up({ a: { ipv4: '3' }, b: { ipv4: '2' }, peer: {} });
  expect(await identities(stack)).toEqual(before);
});

test('three pass theirs on in a ring', async () => {
  await up({ a: { ipv4: '2' }, b: { ipv4: '3' }, peer: { ipv4: '9' } });
  await up({ a: { ipv4: '3' }, b: { ipv4: '9' }, peer: { ipv4: '2' } });
});

test('two that are made anew swap theirs, and one with one that stays', async () => {
  await up({ a: { ipv4: '2' }, b: { ipv4: '3' }, peer: {} });
  await up({ a: { ipv4: '3', env: 'x' }, b: { ipv4: '2', env: 'x' }, peer: {} });
  await up({ a: { ipv4: '2', env: 'y' }, b: { ipv4: '3', env: 'x' }, peer: {} });
});

test('a new one takes that of one that is removed, and one that stays does', async () => {
  await up({ a: { ipv4: '2' }, b: { ipv4: '3' }, peer: {} }, '--remove-orphans');
  await up({ c: { ipv4: '2' }, b: { ipv4: '3' }, peer: {} }, '--remove-orphans');
  await up({ b: { ipv4: '2' }, peer: {} }, '--remove-orphans');
});

test('who was merely given it moves, running or stopped, and keeps its process', async () => {
  await stack.must('down');
  await up({ given: {}, peer: {} });
  const taken = (await address('given')).split('.').at(-1)!;
  const before = (await identities(stack)).given;
  await up({ given: {}, fixed: { ipv4: taken }, peer: {} });
  expect((await identities(stack)).given).toBe(before);
  expect(await address('given')).not.toBe(`10.79.0.${taken}`);
  await stack.must('stop', 'given');
  const stopped = '4';
  await up({ given: {}, fixed: { ipv4: stopped }, peer: { ipv4: '2' } });
});

test('that of one that was stopped by hand is free for who asks for it; started again, it has another', async () => {
  await stack.must('down');
  await up({ given: {}, peer: {} });
  const taken = (await address('given')).split('.').at(-1)!;
  await stack.must('stop', 'given');
  await stack.write('compose.yaml', file({ given: {}, peer: {}, fixed: { ipv4: taken } }));
  await stack.must('up', '-d', '--no-deps', 'fixed');
  await stack.must('start', 'given');
  expect(await address('given')).not.toBe(`10.79.0.${taken}`);
  expect(await inside(stack, 'peer', 'wget', '-qO-', 'http://given/')).toBe('given');
});
