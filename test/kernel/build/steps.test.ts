/** Each instruction, built and looked at. */
import { expect, test } from 'vitest';
import { useEngine } from '../container/use-engine.ts';
import { build, failedBuild, shown } from './a-build.ts';

const stage = useEngine();

test('RUN writes a layer that the image shows', async () => {
  const { image, output } = await build(
    stage.engine,
    'FROM busybox\nRUN echo hello > /a && echo seen\nRUN cat /a > /b',
  );
  expect(output).toBe('seen\n');
  expect(image.layers).toHaveLength(3);
  expect(await shown(stage.engine, image, 'cat /a /b; ls -A /dev /proc /etc | head -50')).toContain('hello\nhello\n');
});

test('a step that fails tells its line and its exit code', async () => {
  const { error, output, titles } = await failedBuild(stage.engine, 'FROM busybox\nRUN true\nRUN echo bad >&2; exit 7');
  expect(error).toMatchObject({ code: 'build-step-failed', at: { start: { line: 3 } } });
  expect(error.message).toContain('exit code: 7');
  expect(output).toBe('bad\n');
  expect(titles('failed')).toEqual(['RUN echo bad >&2; exit 7']);
});

test('a program that is not there is told as such', async () => {
  const { error } = await failedBuild(stage.engine, 'FROM busybox\nRUN ["/nowhere"]');
  expect(error).toMatchObject({ code: 'build-step-failed', at: { start: { line: 2 } } });
  expect(error.message).toContain('/nowhere');
});

test('the configuration is what the instructions say, with its history', async () => {
  const text = [
    'FROM busybox',
    'ARG who=you',
    'ENV GREETING=hello',
    'LABEL a=1',
    'USER web',
    'WORKDIR /srv/app',
    'RUN echo $GREETING $who $(id -u) $(pwd) > /tmp/seen',
    'EXPOSE 80',
    'VOLUME /data',
    'STOPSIGNAL SIGINT',
    'HEALTHCHECK --interval=3s CMD true',
    'ENTRYPOINT ["sh"]',
    'CMD ["-c", "cat /tmp/seen"]',
  ].join('\n');
  const { image } = await build(stage.engine, text, { args: { who: 'me' }, labels: { b: '2' }, tags: ['built:1'] });
  expect(image.tags).toEqual(['docker.io/library/built:1']);
  expect(image.config).toMatchObject({
    entrypoint: ['sh'],
    cmd: ['-c', 'cat /tmp/seen'],
    user: 'web',
    workingDir: '/srv/app',
    volumes: ['/data'],
    exposedPorts: ['80/tcp'],
    stopSignal: 'SIGINT',
    labels: { a: '1', b: '2' },
    healthcheck: { test: ['CMD-SHELL', 'true'], interval: 3e9 },
  });
  expect(image.config.env).toContain('GREETING=hello');
  const history = image.raw['history'] as { created_by: string; empty_layer?: boolean }[];
  expect(history.slice(1).map(({ created_by, empty_layer }) => `${empty_layer ? '-' : '+'} ${created_by}`)).toEqual([
    '- ARG who=me',
    '- ENV GREETING=hello',
    '- LABEL a=1',
    '- USER web',
    '+ WORKDIR /srv/app',
    '+ RUN |1 who=me /bin/sh -c echo $GREETING $who $(id -u) $(pwd) > /tmp/seen # buildkit',
    '- EXPOSE [80/tcp]',
    '- VOLUME [/data]',
    '- STOPSIGNAL SIGINT',
    '- HEALTHCHECK &{["CMD-SHELL" "true"] "3s" "0s" "0s" "0s" \'\\x00\'}',
    '- ENTRYPOINT ["sh"]',
    '- CMD ["-c" "cat /tmp/seen"]',
  ]);
  expect(await shown(stage.engine, image, 'cat /tmp/seen; stat -c "%u:%g %a" /srv/app /srv')).toBe(
    'hello me 1000 /srv/app\n1000:1000 755\n1000:1000 755',
  );
});

test('what a RUN needs to be mounted leaves nothing in the layer', async () => {
  const text = [
    'FROM busybox AS a',
    'RUN --mount=type=cache,target=/deep/cache --mount=type=tmpfs,target=/scratch touch /deep/cache/x /scratch/y',
    'FROM scratch AS b',
    'COPY --from=busybox / /',
    'FROM busybox',
    'RUN --mount=from=a,target=/a ls -A /a > /list; [ -e /etc/hosts ] && [ -e /proc/1 ] && [ -c /dev/null ]',
    'RUN cat /list',
  ].join('\n');
  const { output } = await build(stage.engine, text);
  expect(output.split('\n').filter((name) => /deep|scratch/.test(name))).toEqual([]);
});

test('a shell with here-documents, a program that is one, and streams that are opened by name', async () => {
  const text = [
    'FROM busybox',
    'RUN <<EOF',
    'echo one',
    'echo two > /dev/stderr',
    'EOF',
    'RUN <<EOF',
    '#!/bin/cat',
    'three',
    'EOF',
    'RUN cat <<A && cat <<B | tr a-z A-Z',
    'four',
    'A',
    'five',
    'B',
    'USER web',
    'RUN echo six > /dev/stdout',
  ].join('\n');
  const { output } = await build(stage.engine, text);
  expect(output.split('\n').sort()).toEqual(['', '#!/bin/cat', 'FIVE', 'four', 'one', 'six', 'three', 'two']);
});

test('a step is closed as a container is', async () => {
  const text = [
    'FROM busybox',
    'RUN mount -t tmpfs none /tmp 2>&1; ! mknod /x b 8 0; cat /proc/self/status | grep -E "^(CapEff|Seccomp):"; hostname; echo $$',
    'RUN ls -A /sys/firmware /proc/scsi 2>&1 | wc -l; cat /proc/1/comm',
  ].join('\n');
  const { output } = await build(stage.engine, text);
  expect(output).toContain('CapEff:\t00000000a80425fb\n');
  expect(output).toContain('Seccomp:\t2\n');
  expect(output).toContain('buildkitsandbox\n1\n');
});

test('ONBUILD runs in who builds upon it, once', async () => {
  const { image: first } = await build(
    stage.engine,
    'FROM busybox\nONBUILD RUN echo triggered > /on\nONBUILD ENV a=b',
    {
      tags: ['parent'],
    },
  );
  expect(first.raw['config']).toMatchObject({ OnBuild: ['RUN echo triggered > /on', 'ENV a=b'] });
  const { image } = await build(stage.engine, 'FROM parent\nRUN cat /on');
  expect(image.raw['config']).not.toHaveProperty('OnBuild');
  expect(image.config.env).toContain('a=b');
  expect(await shown(stage.engine, image, 'cat /on')).toBe('triggered');
});

test('a removed file, a folder made anew and a hard link are what the layer says', async () => {
  const { image } = await build(
    stage.engine,
    [
      'FROM busybox',
      'RUN mkdir /d && echo 1 > /d/a && echo 2 > /d/b && ln /d/a /d/c',
      'RUN rm /d/b && rm -r /var && mkdir /var && echo new > /var/x && ln /d/a /d/e',
      'RUN rm -r /d && mkdir /d && touch /d/z',
    ].join('\n'),
  );
  expect(await shown(stage.engine, image, 'ls /d /var')).toBe('/d:\nz\n\n/var:\nx');
});

test('a strict umask of who builds shows nowhere, and each step has its host files fresh', async () => {
  const before = process.umask(0o077);
  try {
    const text = [
      'FROM busybox',
      'RUN echo 1.2.3.4 stranger >> /etc/hosts; chmod 600 /etc/hosts /etc/resolv.conf',
      'WORKDIR /made/here',
      'USER web',
      'RUN --mount=type=cache,target=/x/y,uid=1000 --mount=from=busybox,target=/b touch /x/y/f && ls /b/bin/sh && ! grep stranger /etc/hosts',
    ].join('\n');
    const { image } = await build(stage.engine, text, { noCache: true });
    expect(await shown(stage.engine, image, 'stat -c %a / /made /made/here')).toBe('755\n755\n755');
  } finally {
    process.umask(before);
  }
});

test('FROM a few hexadecimal digits is a name, never the beginning of the id of some image', async () => {
  const { image } = await build(stage.engine, 'FROM busybox\nENV A=b\n', { tags: ['abad'] });
  const digits = image.id.slice(7);
  await build(stage.engine, `FROM ${digits.slice(0, 12)}\nENV B=c\n`);
  await build(stage.engine, 'FROM abad\nENV B=c\n');
  // Nobody answers for a registry here: that it is asked is enough.
  const more = { signal: AbortSignal.timeout(1000) };
  const { error } = await failedBuild(stage.engine, `FROM ${digits.slice(0, 3)}\nENV B=c\n`, more);
  expect(error.message).not.toBe('');
});
