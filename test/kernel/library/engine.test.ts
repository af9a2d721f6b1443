/** The engine as programs use it: a container in a few lines, and nothing of it left. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type Container, Engine, EngineError } from '../../../engine/library/index.ts';
import type { ContainerOptions } from '../../../engine/library/options.ts';
import { buildLauncher } from '../../helpers/build-probe.ts';
import { type Instance, makeInstance, nothingIsLeft, removeInstance } from '../../helpers/instance.ts';
import { busyboxTar } from '../../helpers/small-image.ts';

let instance: Instance;
let engine: Engine;
const open = () => Engine.open({ root: instance.root, run: instance.run, launcher: buildLauncher() });

beforeAll(async () => {
  instance = await makeInstance();
  engine = await open();
  await engine.images.import(await busyboxTar(), 'busybox', ['CMD ["sleep", "1000"]', 'ENV COLOR=red SIZE=big']);
});
/** The next test's engine is another one: each test sees that closing leaves nothing. */
afterEach(async () => {
  await engine.close();
  await nothingIsLeft(instance);
  engine = await open();
});
afterAll(async () => {
  await engine.close();
  await removeInstance(instance);
});

const shell = (script: string, options: Partial<ContainerOptions> = {}): ContainerOptions => ({
  image: 'busybox',
  command: ['sh', '-c', script],
  ...options,
});
const server = 'echo hello > /tmp/index.html; exec httpd -f -p 80 -h /tmp';
const failure = async (work: Promise<unknown>) => {
  const error = await work.then(
    () => 'none',
    (error: unknown) => error,
  );
  expect(error).toBeInstanceOf(EngineError);
  return error as EngineError;
};

test('a server is reached on a free port of this host as soon as its start resolves', async () => {
  await using web = await engine.start(shell(`sleep 0.3; ${server}`, { ports: [80], wait: { port: 80 } }));
  const pages = [`127.0.0.1:${web.port(80)}`, `${web.address}:80`].map(async (at) =>
    (await fetch(`http://${at}`)).text(),
  );
  expect(await Promise.all(pages)).toEqual(['hello\n', 'hello\n']);
  expect(() => web.port(81)).toThrow('does not publish port 81/tcp');
});

test('containers of one engine know each other by name', async () => {
  await engine.start(shell(server, { name: 'web', wait: { port: 80 } }));
  const asker = await engine.start({ image: 'busybox' });
  expect(await asker.exec(['wget', '-q', '-O-', 'http://web/'])).toEqual({
    exitCode: 0,
    stdout: 'hello\n',
    stderr: '',
  });
});

test('the image’s configuration is there, and what is given is laid over it', async () => {
  const box = await engine.start({
    image: 'busybox',
    env: { COLOR: 'blue', SIZE: null },
    workingDir: '/tmp',
    user: 'web',
  });
  const { stdout } = await box.exec([
    'sh',
    '-c',
    'env | grep -E "^(COLOR|SIZE)="; pwd; id -un; tr "\\0" " " < /proc/1/cmdline',
  ]);
  expect(stdout).toBe('COLOR=blue\n/tmp\nweb\nsleep 1000 ');
});

test('a program is given input, and what it says on either stream and its exit code come back', async () => {
  const box = await engine.start({ image: 'busybox' });
  const run = box.exec(['sh', '-c', 'cat; echo $WHO >&2; exit 3'], { input: 'a\nb\0c', env: { WHO: 'me' } });
  expect(await run).toEqual({ exitCode: 3, stdout: 'a\nb\0c', stderr: 'me\n' });
  const missing = await box.exec(['no-such-program']);
  expect([missing.exitCode, missing.stderr]).toEqual([127, expect.stringContaining('no-such-program')]);
  const much = await box.exec(['cat'], { input: 'x'.repeat(5_000_000) });
  expect(much.stdout).toHaveLength(5_000_000);
});

test('a line of the log, a health check, and an end are waited for', async () => {
  const slow = 'sleep 0.3; touch /well; echo ready to serve; sleep 1000';
  await engine.start(shell(slow, { wait: { log: /ready (to|for)/ } }));
  const box = await engine.start(
    shell(slow, { healthcheck: { test: 'test -e /well', intervalMs: 100, retries: 600 }, wait: { healthy: true } }),
  );
  expect(await box.state()).toMatchObject({ status: 'running', health: 'healthy' });
  const job = await engine.start(shell('sleep 0.2; echo done', { wait: { completed: true } }));
  expect([await job.output(), await job.ended()]).toEqual(['done\n', 0]);
  // Its last word comes with its end.
  await engine.start(shell('echo done', { wait: { log: 'done' } }));
});

test('what will not be ready fails with the end of its log, and is gone', async () => {
  const dead = await failure(engine.start(shell('echo no space; exit 4', { name: 'a', wait: { port: 80 } })));
  expect([dead.code, dead.message]).toEqual(['container-exited', expect.stringContaining('it printed:\nno space')]);
  const late = await failure(
    engine.start(shell('echo hm; sleep 9', { name: 'a', wait: { log: 'ready' }, timeoutMs: 400 })),
  );
  expect([late.code, late.message]).toEqual(['not-ready', expect.stringContaining('no line of its log has "ready"')]);
  const sick = await failure(
    engine.start(
      shell('sleep 9', { name: 'a', healthcheck: { test: 'false', intervalMs: 50 }, wait: { healthy: true } }),
    ),
  );
  expect(sick.code).toBe('container-unhealthy');
  expect((await engine.port.snapshot()).containers).toEqual([]);
});

test('mistakes are errors with a code and what to do', async () => {
  const wrong = async (options: ContainerOptions) => {
    const { code, help } = await failure(engine.start(options));
    expect(help).toMatch(/\w/);
    return code;
  };
  expect(await wrong({ image: 'nope' })).toBe('no-such-image');
  expect(await wrong({ image: 'busybox', ports: [70_000] })).toBe('port-unusable');
  expect(await wrong({ image: 'busybox', network: 'none', wait: { port: 1 } })).toBe('no-network');
  await engine.start({ image: 'busybox', name: 'one' });
  expect(await wrong({ image: 'busybox', name: 'one' })).toBe('name-in-use');
  await expect(Engine.open({ project: 'A b', root: instance.root, launcher: buildLauncher() })).rejects.toThrow(
    'project name',
  );
});

test('a stopped container starts again with its files; a paused one goes on', async () => {
  const box = await engine.start(
    // A signal that comes before the trap would be for nobody.
    shell(`date >> /starts; trap 'exit 5' TERM; echo ready; ${'sleep 0.1;'.repeat(200)}`, {
      ports: [80],
      wait: { log: /ready/ },
    }),
  );
  await box.stop();
  expect([await box.ended(), (await box.state()).status]).toEqual([5, 'exited']);
  await box.start();
  expect((await box.exec(['wc', '-l', '/starts'])).stdout).toMatch(/^2 /);
  await box.pause();
  expect((await box.state()).status).toBe('paused');
  expect((await failure(box.exec(['true']))).code).toBe('container-paused');
  await box.unpause();
  await box.kill();
  expect(await box.ended()).toBe(137);
});

test('lines come as they are printed, with their stream', async () => {
  const box = await engine.start(shell('echo out; echo err >&2; sleep 0.2; echo late; sleep 1000'));
  const seen: string[] = [];
  for await (const { stream, text } of box.logs({ follow: true })) {
    seen.push(`${stream} ${text}`);
    if (seen.length === 3) break;
  }
  expect(seen.sort()).toEqual(['stderr err', 'stdout late', 'stdout out']);
});

test('files go in and out, by copies, by binds, and not at all in memory', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'library-'));
  try {
    await writeFile(join(folder, 'in'), 'from the host');
    const bind = { source: folder, target: '/seen', readOnly: true };
    const box = await engine.start({ image: 'busybox', binds: [bind], tmpfs: ['/memory'] });
    await box.copyIn(join(folder, 'in'), '/tmp/copied');
    const { stdout, exitCode } = await box.exec([
      'sh',
      '-c',
      'cat /tmp/copied /seen/in; grep -c " /memory tmpfs" /proc/mounts; touch /seen/x',
    ]);
    expect([stdout, exitCode]).toEqual(['from the hostfrom the host1\n', 1]);
    await box.copyOut('/tmp/copied', join(folder, 'out'));
    expect(await readFile(join(folder, 'out'), 'utf8')).toBe('from the host');
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('what else the engine can do is asked for in its own terms', async () => {
  const security = {
    privileged: false,
    capAdd: [],
    capDrop: ['ALL'],
    noNewPrivileges: true,
    seccomp: 'default',
    readOnlyRootfs: true,
  };
  const box = await engine.start({ image: 'busybox', overrides: { security } });
  const { stdout } = await box.exec(['sh', '-c', 'grep CapEff /proc/self/status; touch /x || echo read-only']);
  expect(stdout).toBe('CapEff:\t0000000000000000\nread-only\n');
});

test('two engines of one instance do not meet, and each removes its own', async () => {
  const other = await open();
  let kept: Container;
  try {
    kept = await engine.start(shell(server, { name: 'web', wait: { port: 80 } }));
    const its = await other.start(shell(server, { name: 'web', wait: { port: 80 } }));
    expect(its.address).not.toBe(kept.address);
  } finally {
    await other.close();
  }
  expect((await kept.state()).status).toBe('running');
});
