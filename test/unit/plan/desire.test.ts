/** From a service and its image to a container. */
import { describe, expect, test } from 'vitest';
import type { DesireOptions } from '../../../src/plan/desire.ts';
import { containers, web } from './a-service.ts';

describe('the command', () => {
  const image = { entrypoint: ['/entry'], cmd: ['serve'] };
  test('is the image’s where the service says nothing', async () => {
    expect((await web('', image)).argv).toEqual(['/entry', 'serve']);
  });
  test('of the service follows the image’s entrypoint', async () => {
    expect((await web('command: other --fast', image)).argv).toEqual(['/entry', 'other', '--fast']);
  });
  test('of the image is dropped by an entrypoint of the service', async () => {
    expect((await web('entrypoint: [/mine]', image)).argv).toEqual(['/mine']);
  });
  test('stays when the entrypoint is emptied', async () => {
    expect((await web('entrypoint: []', image)).argv).toEqual(['serve']);
  });
  test('that nobody gives is an error with the line of the image', async () => {
    await expect(web('', { cmd: [] })).rejects.toMatchObject({ code: 'no-command', at: { start: { line: 4 } } });
  });
});

describe('the environment', () => {
  test('lays the service over the image, and null takes away', async () => {
    const { env } = await web('environment:\n  A: own\n  GONE:', { env: ['A=image', 'B=b=b', 'GONE=x'] });
    expect(env).toEqual({ A: 'own', B: 'b=b' });
  });
});

describe('health checks', () => {
  test('fill what they leave open from the image, then from Docker’s defaults', async () => {
    const image = { healthcheck: { test: ['CMD-SHELL', 'curl -f localhost'], interval: 2e9, retries: 7 } };
    expect((await web('healthcheck: {interval: 1m30s}', image)).healthcheck).toEqual({
      test: ['/bin/sh', '-c', 'curl -f localhost'],
      intervalMs: 90_000,
      timeoutMs: 30_000,
      retries: 7,
      startPeriodMs: 0,
      startIntervalMs: 5_000,
    });
  });
  test('are switched off by disable', async () => {
    expect(
      (await web('healthcheck: {disable: true}', { healthcheck: { test: ['CMD', 'x'] } })).healthcheck,
    ).toBeUndefined();
  });
});

describe('stopping and restarting', () => {
  test('the signal is the service’s, else the image’s, else SIGTERM; the grace ten seconds', async () => {
    expect((await web('stop_grace_period: 1m', { stopSignal: 'SIGQUIT' })).stop).toEqual({
      signal: 'SIGQUIT',
      graceMs: 60_000,
    });
    expect((await web('stop_signal: SIGINT', { stopSignal: 'SIGQUIT' })).stop).toEqual({
      signal: 'SIGINT',
      graceMs: 10_000,
    });
    expect((await web('')).stop.signal).toBe('SIGTERM');
  });
  test('on-failure carries its limit', async () => {
    expect((await web('restart: on-failure:3')).restart).toEqual({ policy: 'on-failure', maxRetries: 3 });
  });
  test('deploy.restart_policy wins over restart', async () => {
    const { restart } = await web(
      'restart: always\ndeploy: {restart_policy: {condition: on-failure, max_attempts: 2}}',
    );
    expect(restart).toEqual({ policy: 'on-failure', maxRetries: 2 });
    const swarm = await web('deploy: {restart_policy: {max_attempts: 3, delay: 5s, window: 2m}}');
    expect(swarm.restart).toEqual({ policy: 'always', maxRetries: 3, delayMs: 5_000, windowMs: 120_000 });
  });
});

describe('mounts', () => {
  test('put parents before children, and a volume of the service over one of the image', async () => {
    const { mounts } = await web('volumes: ["/srv/a/b", "/srv"]\ntmpfs: ["/run:size=1m,ro"]', {
      volumes: ['/srv', '/var/cache'],
    });
    expect(mounts.map(({ target }) => target)).toEqual(
      ['/run', '/srv', '/srv/a/b', '/var/cache'].sort(
        (a, b) => a.split('/').length - b.split('/').length || (a < b ? -1 : 1),
      ),
    );
    expect(mounts.find(({ target }) => target === '/run')).toEqual({
      kind: 'tmpfs',
      target: '/run',
      readOnly: true,
      options: ['size=1m'],
    });
  });
  test('of a volume container hide the image’s volume in the same place', async () => {
    const state = await containers(
      '  web:\n    image: nginx\n    volumes_from: ["data:ro"]\n  data:\n    image: data\n',
      {
        nginx: { volumes: ['/srv', '/log'] },
        data: { volumes: ['/srv'] },
      },
    );
    expect(state.containers.find(({ name }) => name === 'shop-web-1')!.mounts).toEqual([
      { kind: 'from', container: 'shop-data-1', readOnly: true, target: '' },
      { kind: 'volume', target: '/log', readOnly: false, noCopy: false },
    ]);
  });
  test('of files are read-only binds in the places that Compose gives them', async () => {
    const state = await containers(
      'name: shop\nservices:\n  web:\n    image: nginx\n    secrets: [key]\n    configs: [{source: conf, target: /etc/app.conf}]\nsecrets:\n  key: {file: /keys/key}\nconfigs:\n  conf: {file: /conf/app}\n',
    );
    const binds = state.containers[0]!.mounts.map((mount) =>
      mount.kind === 'bind' ? [mount.source, mount.target, mount.readOnly] : [],
    );
    expect(binds).toEqual([
      ['/conf/app', '/etc/app.conf', true],
      ['/keys/key', '/run/secrets/key', true],
    ]);
  });
});

describe('limits and privileges', () => {
  test('come from the service, else from deploy', async () => {
    const { resources } = await web(
      'mem_reservation: 8m\ndeploy: {resources: {limits: {cpus: "0.5", memory: 64m, pids: 9}}}',
    );
    expect(resources).toEqual({
      memoryBytes: 64 * 1024 * 1024,
      memoryReservationBytes: 8 * 1024 * 1024,
      milliCpus: 500,
      pidsLimit: 9,
      shmSizeBytes: 64 * 1024 * 1024,
    });
  });
  test('security options are told apart, and unknown ones are refused', async () => {
    const { security } = await web(
      'security_opt: ["no-new-privileges:true", "seccomp=unconfined", "label:disable"]\ncap_add: [CAP_NET_ADMIN, sys_time]',
    );
    expect(security).toMatchObject({ noNewPrivileges: true, seccomp: 'unconfined', capAdd: ['NET_ADMIN', 'SYS_TIME'] });
    const both = await web('security_opt: ["apparmor:mine", "systempaths=unconfined"]');
    expect(both.security).toMatchObject({ apparmor: 'mine', systemPathsUnconfined: true });
    expect((await web('security_opt: ["writable-cgroups=true"]')).security).toMatchObject({ writableCgroups: true });
    await expect(web('security_opt: ["writable-cgroups=maybe"]')).rejects.toMatchObject({ code: 'bad-value' });
    await expect(web('security_opt: ["writeable-cgroups=true"]')).rejects.toMatchObject({ code: 'not-yet' });
  });
  test.each([
    ['no-new-privileges', true],
    ['no-new-privileges=1', true],
    ['no-new-privileges:0', false],
    ['no-new-privileges=False', false],
  ])('%s is %s', async (option, noNewPrivileges) => {
    expect((await web(`security_opt: ["${option}"]`)).security).toMatchObject({ noNewPrivileges });
  });
  test('no-new-privileges that is neither true nor false is refused with its line', async () => {
    await expect(web('security_opt: ["no-new-privileges:maybe"]')).rejects.toMatchObject({
      code: 'bad-value',
      exitCode: 2,
    });
  });
  test('a ulimit of one number is both', async () => {
    expect((await web('ulimits: {nofile: 1024, nproc: {soft: 1, hard: 2}}')).ulimits).toEqual({
      nofile: { soft: 1024, hard: 1024 },
      nproc: { soft: 1, hard: 2 },
    });
  });
});

describe('names and labels', () => {
  test('a container_name is taken as it is; replicas are numbered', async () => {
    const state = await containers(
      '  web:\n    image: nginx\n    container_name: front\n  api:\n    image: api\n    scale: 2\n',
    );
    expect(state.containers.map(({ name }) => name)).toEqual(['shop-api-1', 'shop-api-2', 'front']);
  });
  test('labels are Compose’s, over the image’s and the user’s', async () => {
    const { labels } = await web(
      'labels: {team: a}\ndepends_on: {db: {condition: service_healthy}}'.replace(/\ndepends.*/, ''),
      { labels: { from: 'image' } },
    );
    expect(labels).toMatchObject({
      from: 'image',
      team: 'a',
      'com.docker.compose.project': 'shop',
      'com.docker.compose.service': 'web',
      'com.docker.compose.container-number': '1',
      'com.docker.compose.oneoff': 'False',
      'com.docker.compose.version': '9.9',
    });
    expect(labels['com.docker.compose.config-hash']).toMatch(/^[0-9a-f]{64}$/);
  });
  test('scaling a service with a container_name is refused', async () => {
    await expect(
      containers('  web:\n    image: nginx\n    container_name: front\n', {}, { scale: { web: 2 } }),
    ).rejects.toMatchObject({
      code: 'container-name-scale',
    });
  });
  test('the hash does not change with scale and dependencies, but with all that a container is made of', async () => {
    const hash = async (service: string) => (await web(service)).labels['com.docker.compose.config-hash'];
    expect(await hash('scale: 1')).toBe(await hash(''));
    expect(await hash('user: me')).not.toBe(await hash(''));
  });
});

describe('selection', () => {
  const text = '  web:\n    image: nginx\n    depends_on: [api]\n  api:\n    image: api\n  other:\n    image: other\n';
  test('takes along what is needed, unless told not to', async () => {
    const names = async (options: DesireOptions) =>
      (await containers(text, {}, options)).containers.map(({ name }) => name);
    expect(await names({ services: ['web'] })).toEqual(['shop-api-1', 'shop-web-1']);
    expect(await names({ services: ['web'], noDeps: true })).toEqual(['shop-web-1']);
  });
  test('of an unknown service names the known ones', async () => {
    await expect(containers(text, {}, { services: ['constructor'] })).rejects.toMatchObject({
      code: 'no-such-service',
      help: 'the file has: api, other, web',
    });
  });
});
