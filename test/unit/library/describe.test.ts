/** What becomes of the options that programs give. */
import { expect, test } from 'vitest';
import { describeContainer, describeNetwork, type Scope } from '../../../engine/library/describe.ts';
import type { ContainerOptions } from '../../../engine/library/options.ts';
import type { ImageConfig, ImageInfo } from '../../../src/model/engine.ts';

const SCOPE: Scope = { project: 'lib-1', network: 'lib-1_default', labels: { 'tcompose.owner': '7-1234' } };
const config: ImageConfig = {
  env: ['PATH=/bin', 'COLOR=red'],
  entrypoint: ['/start'],
  cmd: ['serve'],
  user: 'web',
  workingDir: '/srv',
  volumes: [],
  exposedPorts: [],
  labels: { of: 'the image' },
  stopSignal: 'SIGINT',
  healthcheck: { test: ['CMD-SHELL', 'curl localhost'], interval: 2e9 },
  shell: ['/bin/ash', '-c'],
};
const image = { id: 'sha256:1', config } as ImageInfo;
const describe = (options: Partial<ContainerOptions> = {}, of = image) =>
  describeContainer(SCOPE, 'web', { image: 'shop/web', ...options }, of);

test('with an image alone, all is the image’s, on the network of its engine', () => {
  expect(describe()).toMatchObject({
    name: 'lib-1-web-1',
    argv: ['/start', 'serve'],
    env: { PATH: '/bin', COLOR: 'red' },
    user: 'web',
    workingDir: '/srv',
    stop: { signal: 'SIGINT', graceMs: 10_000 },
    attachments: [{ network: describeNetwork(SCOPE).name, aliases: ['lib-1-web-1', 'web'] }],
    healthcheck: { test: ['/bin/ash', '-c', 'curl localhost'], intervalMs: 2_000, timeoutMs: 30_000, retries: 3 },
  });
});

test('an entrypoint drops the image’s command, and no words at all are an error', () => {
  expect(describe({ entrypoint: ['/bin/sh'] }).argv).toEqual(['/bin/sh']);
  expect(describe({ command: ['once'] }).argv).toEqual(['/start', 'once']);
  const bare = { ...image, config: { env: [], user: '', workingDir: '', volumes: [], exposedPorts: [], labels: {} } };
  expect(() => describe({}, bare)).toThrow('the image shop/web has no command');
});

test('a check is a line for the image’s shell, words, or none', () => {
  expect(describe({ healthcheck: { test: 'true' } }).healthcheck?.test).toEqual(['/bin/ash', '-c', 'true']);
  expect(describe({ healthcheck: { test: ['true'], intervalMs: 5 } }).healthcheck).toMatchObject({
    test: ['true'],
    intervalMs: 5,
  });
  expect(describe({ healthcheck: false }).healthcheck).toBeUndefined();
});

test('ports are published on loopback unless another address is named', () => {
  const ports = [80, { target: 53, protocol: 'udp', hostIp: '' }, { target: 81, published: 8081 }] as const;
  expect(describe({ ports }).ports).toEqual([
    { target: 80, published: 0, hostIp: '127.0.0.1', protocol: 'tcp' },
    { target: 53, published: 0, hostIp: '', protocol: 'udp' },
    { target: 81, published: 8081, hostIp: '127.0.0.1', protocol: 'tcp' },
  ]);
  for (const port of [0, 65_536, 1.5, Number.NaN])
    expect(() => describe({ ports: [port] })).toThrow('there is no port');
});

test('whose it is cannot be overridden: it would not be found when it is left', () => {
  const labels = { 'tcompose.owner': '1-1', 'com.docker.compose.project': 'other', own: 'label' };
  expect(describe({ labels, overrides: { labels, tty: true } })).toMatchObject({
    tty: true,
    labels: { 'tcompose.owner': '7-1234', 'com.docker.compose.project': 'lib-1', own: 'label', of: 'the image' },
  });
});
