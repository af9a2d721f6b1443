/** What counts as a difference, and that planning stays quick. */
import { describe, expect, test } from 'vitest';
import type { Project } from '../../../src/model/project.ts';
import { containerDifferences, isEqual } from '../../../src/plan/compare.ts';
import { desire } from '../../../src/plan/desire.ts';
import { planUp } from '../../../src/plan/plan.ts';
import { byteCount, durationMs } from '../../../src/plan/quantities.ts';
import { applied, fakeImage, nothing } from '../../helpers/fake-live.ts';
import { projectOf } from '../../helpers/project.ts';

async function container(service: string, image = fakeImage('nginx'), version = '1') {
  const project = await projectOf(`name: shop\nservices:\n  web:\n    image: nginx\n${service}`);
  return desire(project, new Map([['nginx', image]]), { version }).state.containers[0]!;
}

describe('differences', () => {
  test('labels of ours are none: another version of tcompose recreates nothing', async () => {
    expect(containerDifferences(await container('', undefined, '2'), await container('', undefined, '1'))).toEqual([]);
  });
  test('labels of the user are', async () => {
    const found = containerDifferences(await container('    labels: {a: "1"}\n'), await container(''));
    expect(found).toEqual([{ path: ['labels', 'a'], from: undefined, to: '1', cost: 'live' }]);
  });
  test('the order of ports and of environment does not count', async () => {
    const one = await container('    ports: ["1:1", "2:2"]\n    environment: {A: a, B: b}\n');
    const other = await container('    ports: ["2:2", "1:1"]\n    environment: {B: b, A: a}\n');
    expect(containerDifferences(one, other)).toEqual([]);
  });
  test('every field that differs is named in the words of the file', async () => {
    const made = await container('    user: a\n    mem_limit: 10m\n    volumes: [/a]\n    restart: always\n');
    const wanted = await container('    user: b\n    mem_limit: 20m\n    volumes: ["/b:/a:ro"]\n    restart: "no"\n');
    expect(containerDifferences(wanted, made).map(({ path }) => path.join('.'))).toEqual([
      'user',
      'volumes./a',
      'restart',
      'mem_limit',
    ]);
  });
  test('namespaces are told in the words of the file', async () => {
    const made = await container('    pid: host\n');
    const wanted = await container('    pid: container:db\n    userns_mode: auto:size=10\n');
    expect(containerDifferences(wanted, made)).toEqual([
      { path: ['pid'], cost: 'process', from: 'host', to: 'container:db' },
      { path: ['userns_mode'], cost: 'process', from: undefined, to: 'auto:size=10' },
    ]);
  });
  test('an absent key and an undefined one are the same', () => {
    expect(isEqual({ a: 1, b: undefined }, { a: 1 })).toBe(true);
    expect(isEqual([1, 2], [2, 1])).toBe(false);
    expect(isEqual({}, [])).toBe(false);
  });
});

describe('quantities', () => {
  test.each([
    ['1m30s', 90_000],
    ['1.5h', 5_400_000],
    ['100us', 1],
    ['0', 0],
    ['2d', 172_800_000],
  ])('%s are %d milliseconds', (text, expected) => expect(durationMs(text)).toBe(expected));
  test.each([
    ['1048576', 1_048_576],
    ['1.5m', 1_572_864],
    ['2 GiB', 2_147_483_648],
    ['-1', -1],
  ])('%s are %d bytes', (text, expected) => expect(byteCount(text)).toBe(expected));
  test('what is neither is a bug of loading, not a number', () => {
    expect(() => durationMs('5')).toThrow('not a duration');
    expect(() => byteCount('many')).toThrow('not a size');
  });
});

describe('a thousand containers', () => {
  const services = Object.fromEntries(
    Array.from({ length: 1000 }, (_, index) => [
      `s${index}`,
      {
        image: 'nginx',
        environment: Object.fromEntries(Array.from({ length: 10 }, (_, key) => [`KEY_${key}`, `value ${key}`])),
        networks: { default: null },
        ports: [{ target: 80, published: String(10_000 + index), protocol: 'tcp' }],
        ...(index % 10 > 0
          ? { depends_on: { [`s${index - 1}`]: { condition: 'service_started', required: true } } }
          : {}),
      },
    ]),
  ) as Project['services'];
  const project: Project = {
    name: 'big',
    workingDir: '/big',
    files: ['/big/compose.yaml'],
    envFiles: [],
    environment: {},
    services,
    disabledServices: {},
    networks: { default: { name: 'big_default' } },
    volumes: {},
    secrets: {},
    configs: {},
    extensions: {},
    at: () => undefined,
  };
  const images = new Map([['nginx', fakeImage('nginx')]]);
  /** Of the processor, not of the clock: others may be busy on this machine. */
  const bestMs = (act: () => void) => {
    const times = Array.from({ length: 8 }, () => {
      const start = process.cpuUsage();
      act();
      const { user, system } = process.cpuUsage(start);
      return (user + system) / 1000;
    });
    return Math.min(...times);
  };

  test('are compared in the time of a few copies of them, and desired and planned from nothing in that of some more', () => {
    const wanted = desire(project, images);
    const live = applied(desire(project, images).state);
    expect(planUp(wanted, live).steps).toEqual([]);
    expect(planUp(wanted, nothing).steps).toHaveLength(2001);
    const copy = bestMs(() => structuredClone(wanted.state));
    // 1.2 and 4 on the machine where this was written.
    expect(bestMs(() => planUp(wanted, live)) / copy).toBeLessThan(10);
    expect(bestMs(() => planUp(desire(project, images), nothing)) / copy).toBeLessThan(40);
  });
});
