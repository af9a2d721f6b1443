/** Configurations are somebody else's JSON: read where valid, refused otherwise. */
import { describe, expect, test } from 'vitest';
import { parseImageConfig } from '../../../engine/image/image-config.ts';

const parse = (value: unknown) => parseImageConfig(Buffer.from(JSON.stringify(value)));
const DIFF_ID = `sha256:${'0'.repeat(64)}`;

describe('image configurations', () => {
  test('null and absent mean the same', () => {
    const { config, layers } = parse({
      config: { Env: null, Cmd: null, Labels: null, Volumes: null },
      rootfs: { diff_ids: null },
    });
    expect(config).toEqual({ env: [], user: '', workingDir: '', volumes: [], exposedPorts: [], labels: {} });
    expect(layers).toEqual([]);
  });

  test('a volume that is relative, as Docker lets VOLUME write it, is one of the root', () => {
    expect(parse({ config: { Volumes: { data: {}, '../x/': {} } } }).config.volumes).toEqual(['/data', '/x']);
    expect(parse({ config: { Volumes: { '/v/': {} } } }).config.volumes).toEqual(['/v/']);
  });

  test('all of it is read', () => {
    const { config, createdAt, os, architecture, layers } = parse({
      created: '2026-01-01T00:00:00Z',
      os: 'linux',
      architecture: 'amd64',
      rootfs: { type: 'layers', diff_ids: [DIFF_ID] },
      config: {
        Env: ['A=1'],
        Entrypoint: ['/e'],
        Cmd: ['c'],
        User: 'u',
        WorkingDir: '/w',
        Volumes: { '/v': {} },
        ExposedPorts: { '80/tcp': {} },
        Labels: { l: 'x' },
        StopSignal: 'SIGINT',
        Healthcheck: { Test: ['CMD', 'true'], Interval: 5e9 },
        Shell: ['/bin/bash', '-c'],
      },
    });
    expect({ createdAt, os, architecture, layers }).toEqual({
      createdAt: '2026-01-01T00:00:00Z',
      os: 'linux',
      architecture: 'amd64',
      layers: [DIFF_ID],
    });
    expect(config).toMatchObject({
      entrypoint: ['/e'],
      cmd: ['c'],
      volumes: ['/v'],
      stopSignal: 'SIGINT',
      shell: ['/bin/bash', '-c'],
    });
    expect(config.healthcheck).toMatchObject({ test: ['CMD', 'true'], interval: 5e9, retries: 0 });
  });

  test.each([
    ['no object', []],
    ['a diff id that is a path', { rootfs: { diff_ids: ['sha256:../../etc'] } }],
    ['a diff id of another algorithm', { rootfs: { diff_ids: [`md5:${'0'.repeat(32)}`] } }],
    ['too many layers', { rootfs: { diff_ids: Array(126).fill(DIFF_ID) } }],
    ['an environment that is no list', { config: { Env: 'A=1' } }],
    ['a command with a number', { config: { Cmd: [1] } }],
    ['a NUL in a text', { config: { Env: ['A=\0'] } }],
    ['a volume without a path', { config: { Volumes: { '': {} } } }],
    ['a negative interval', { config: { Healthcheck: { Test: ['CMD'], Interval: -1 } } }],
  ])('%s is refused', (_, value) => expect(() => parse(value)).toThrow(/not valid/));

  test('what is no JSON is refused', () => expect(() => parseImageConfig(Buffer.from('{'))).toThrow(/not JSON/));
});
