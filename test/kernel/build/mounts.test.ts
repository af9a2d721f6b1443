/** RUN --mount, --network and what else surrounds a step. */
import { spawn } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { useEngine } from '../container/use-engine.ts';
import { aContext, build, cleanUp, failedBuild, shown } from './a-build.ts';

const stage = useEngine();
const folders: string[] = [];
afterAll(() => cleanUp(folders));

const context = (files: Parameters<typeof aContext>[1]) => {
  const folder = aContext(stage.instance, files);
  folders.push(folder);
  return { kind: 'folder', path: folder } as const;
};

test('a bind mount shows the context without what is ignored; what is written to it is lost', async () => {
  const files = { 'src/a.txt': 'a', 'src/b.log': 'b', '.dockerignore': '*.log\n**/*.log\n' };
  const text =
    'FROM busybox\nRUN --mount=target=/ctx,rw ls -A /ctx/src > /list && echo x > /ctx/new && touch /ctx/src/a.txt\nRUN --mount=target=/ctx cat /list; ls -A /ctx; ! touch /ctx/x';
  const { output } = await build(stage.engine, text, { context: context(files) });
  expect(output.split('\n')).toEqual(expect.arrayContaining(['a.txt', '.dockerignore', 'src']));
  expect(output).not.toContain('b.log');
  expect(output).not.toContain('new');
});

test('a bind mount of one file, and of a part of a stage or an image', async () => {
  const text = [
    'FROM busybox AS s\nRUN mkdir -p /out/deep && echo made > /out/deep/f',
    'FROM busybox',
    'RUN --mount=source=one.txt,target=/one cat /one',
    'RUN --mount=from=s,source=/out/deep,target=/part --mount=from=s,source=out/deep/f,target=/g cat /part/f /g',
    'RUN --mount=from=busybox,source=/etc/passwd,target=/p,rw echo added >> /p && tail -n1 /p && ! grep added /etc/passwd',
    'RUN ls -d /part /one /g /p 2>/dev/null; true',
  ].join('\n');
  const { output } = await build(stage.engine, text, { context: context({ 'one.txt': 'single\n' }) });
  expect(output).toBe('single\nmade\nmade\nadded\n');
});

test('another content of a bind mount means that the step is made again, an equal one does not', async () => {
  const text = 'FROM busybox\nRUN --mount=source=d,target=/d cat /d/f > /copy';
  await build(stage.engine, text, { context: context({ 'd/f': '1', other: '1' }) });
  const same = await build(stage.engine, text, { context: context({ 'd/f': '1', other: '2' }) });
  expect(same.titles('done')).toEqual([]);
  const changed = await build(stage.engine, text, { context: context({ 'd/f': '2', other: '2' }) });
  expect(changed.titles('done')).toHaveLength(1);
});

test('a cache is kept from build to build, with its owner and mode, and is no part of the layer', async () => {
  const count = (n: number) =>
    `FROM busybox\nRUN --mount=type=cache,target=/c,id=counter,uid=7,gid=8,mode=0711 echo ${n} >> /c/n; cat /c/n; stat -c %u:%g:%a /c`;
  expect((await build(stage.engine, count(1))).output).toBe('1\n7:8:711\n');
  const { output, image } = await build(stage.engine, count(2));
  expect(output).toBe('1\n2\n7:8:711\n');
  expect(image.layers).toHaveLength(1);
});

test('a cache that is locked is had by one at a time, a private one by everybody alone', async () => {
  const text = (sharing: string, which: number) =>
    `FROM busybox\nRUN --mount=type=cache,target=/c,id=l-${sharing},sharing=${sharing} echo ${which}; mkdir /c/busy && sleep 0.5 && rmdir /c/busy`;
  for (const sharing of ['locked', 'private']) {
    await Promise.all([1, 2, 3].map((which) => build(stage.engine, text(sharing, which))));
  }
});

test('a cache begins with what it is made from', async () => {
  const text =
    'FROM busybox AS s\nRUN mkdir /seed && echo seeded > /seed/f\nFROM busybox\nRUN --mount=type=cache,target=/c,from=s,source=/seed cat /c/f';
  expect((await build(stage.engine, text)).output).toBe('seeded\n');
});

test('a tmpfs has the size that is asked for', async () => {
  const text =
    'FROM busybox\nRUN --mount=type=tmpfs,target=/t,size=1m df -k /t | tail -n1 | grep -c " 1024 "; touch /t/x';
  const { output, image } = await build(stage.engine, text);
  expect(output).toBe('1\n');
  expect(image.layers).toHaveLength(1);
});

test('secrets come from files, variables and memory; one that is missing is an error only where it is required', async () => {
  const file = join(dirname(stage.instance.root), 'secret.txt');
  writeFileSync(file, 'from file');
  process.env['TCOMPOSE_TEST_SECRET'] = 'from env';
  const secrets = [
    { id: 'f', source: { file } },
    { id: 'e', source: { env: 'TCOMPOSE_TEST_SECRET' } },
  ];
  const text = [
    'FROM busybox',
    'USER web',
    'RUN --mount=type=secret,id=f,uid=1000,mode=0440 --mount=type=secret,id=e,target=/x/e,uid=1000 cat /run/secrets/f /x/e; stat -c %a:%u /run/secrets/f',
    'RUN --mount=type=secret,id=none ls /run/secrets 2>/dev/null || echo nothing',
  ].join('\n');
  const { output, image } = await build(stage.engine, text, { secrets });
  rmSync(file);
  expect(output).toBe('from filefrom env440:1000\nnothing\n');
  expect(image.layers).toHaveLength(1);
  const { error } = await failedBuild(stage.engine, 'FROM busybox\nRUN --mount=type=secret,id=gone,required true');
  expect(error).toMatchObject({ code: 'secret-missing', at: { start: { line: 2 } } });
});

test('an SSH agent is reached by a socket of the step, and not after it', async () => {
  const socket = join(dirname(stage.instance.root), 'agent.sock');
  const server = createServer((client) => client.end('agent speaks\n')).listen(socket);
  try {
    const text = [
      'FROM busybox',
      'RUN --mount=type=ssh [ -S "$SSH_AUTH_SOCK" ] && stat -c %a:%u $SSH_AUTH_SOCK && echo $SSH_AUTH_SOCK',
      'RUN [ -z "$SSH_AUTH_SOCK" ]; ls /run/buildkit 2>/dev/null; true',
    ].join('\n');
    const { output } = await build(stage.engine, text, { ssh: [{ id: 'default', path: socket }] });
    expect(output).toBe('600:0\n/run/buildkit/ssh_agent.0\n');
  } finally {
    server.close();
  }
});

test('networks: the default one leads outside, none has loopback alone, host is the host’s', async () => {
  // Stands for the rest of the world (scripts/in-private-host).
  const world = spawn('ip', ['netns', 'exec', 'outside', 'nc', '-lkp', '8099', '-e', 'echo', 'world'], {
    stdio: 'ignore',
  });
  try {
    const text = [
      'FROM busybox',
      'RUN --network=none ls /sys/class/net | tr "\\n" " "',
      'RUN ls /sys/class/net | tr "\\n" " "; ip route | grep -c default; cat /etc/hosts | grep -c added; ping -c1 -W2 198.51.100.1 > /dev/null && echo reached',
    ].join('\n');
    const { output, image } = await build(stage.engine, text, { network: 'default', extraHosts: ['added=10.1.2.3'] });
    expect(output).toBe('lo eth0 lo 1\n1\nreached\n');
    expect(image.layers).toHaveLength(1);
    const host = await build(stage.engine, 'FROM busybox\nRUN --network=host ls /sys/class/net | grep -c eth0', {
      network: 'host',
    });
    expect(host.output).toBe('1\n');
    const { error } = await failedBuild(stage.engine, 'FROM busybox\nRUN --network=host true', { network: 'default' });
    expect(error).toMatchObject({ code: 'build-not-allowed', at: { start: { line: 2 } } });
  } finally {
    world.kill();
  }
});

test('limits, shared memory and privileges are what is asked for', async () => {
  const text =
    'FROM busybox\nRUN ulimit -n; df -k /dev/shm | tail -n1 | grep -c " 2048 "; grep CapEff /proc/self/status | grep -c 0000003f || true';
  const { output } = await build(stage.engine, text, {
    ulimits: { nofile: { soft: 77, hard: 88 } },
    shmSize: 2 * 2 ** 20,
  });
  expect(output).toBe('77\n1\n0\n');
  const privileged = await build(
    stage.engine,
    'FROM busybox\nRUN mount -t tmpfs none /mnt 2>&1 || mkdir /mnt; mount -t tmpfs none /mnt && echo mounted',
    {
      privileged: true,
    },
  );
  expect(privileged.output).toContain('mounted');
});

test('two megabytes of output arrive whole, however slowly they are taken', async () => {
  let bytes = 0;
  await build(stage.engine, 'FROM busybox\nRUN dd if=/dev/zero bs=1024 count=2048 2>/dev/null', {
    onEvent: async (event) => {
      if (event.type !== 'output') return;
      bytes += event.bytes.length;
      await new Promise((resolve) => setTimeout(resolve, 1));
    },
  });
  expect(bytes).toBe(2 * 2 ** 20);
});

test('COPY from the context, a stage and an image', async () => {
  const text = [
    'FROM busybox AS s\nRUN echo stage > /s',
    'FROM busybox\nCOPY a.txt /in/',
    'COPY --from=s --chown=web /s /in/s',
    'COPY --from=busybox /etc/group /in/g',
    'CMD ["cat", "/in/a.txt"]',
  ].join('\n');
  const { image } = await build(stage.engine, text, { context: context({ 'a.txt': 'context\n' }) });
  expect(await shown(stage.engine, image, 'cat /in/a.txt /in/s; wc -l < /in/g; stat -c %u:%g /in/s')).toBe(
    'context\nstage\n2\n1000:1000',
  );
});
