/** `--change` takes Dockerfile instructions as docker import does. */
import { describe, expect, test } from 'vitest';
import { applyChanges } from '../../../engine/image/changes.ts';

describe('changes', () => {
  test.each([
    ['CMD ["nginx","-g","daemon off;"]', { Cmd: ['nginx', '-g', 'daemon off;'] }],
    ['cmd echo "a b"', { Cmd: ['/bin/sh', '-c', 'echo "a b"'] }],
    ['ENTRYPOINT ["/x"]', { Entrypoint: ['/x'] }],
    ['ENV A=1 B="2 3" C=\\"x', { Env: ['A=1', 'B=2 3', 'C="x'] }],
    ['ENV PATH /a:/b c', { Env: ['PATH=/a:/b c'] }],
    [
      'EXPOSE 80 53/udp 8000-8002/tcp',
      { ExposedPorts: { '80/tcp': {}, '53/udp': {}, '8000/tcp': {}, '8001/tcp': {}, '8002/tcp': {} } },
    ],
    ['LABEL a.b=c "d e"="f g"', { Labels: { 'a.b': 'c', 'd e': 'f g' } }],
    ['USER redis:redis', { User: 'redis:redis' }],
    ['VOLUME /data /logs', { Volumes: { '/data': {}, '/logs': {} } }],
    ['VOLUME ["/my data"]', { Volumes: { '/my data': {} } }],
    ['WORKDIR /srv', { WorkingDir: '/srv' }],
    ['STOPSIGNAL SIGQUIT', { StopSignal: 'SIGQUIT' }],
    ['HEALTHCHECK NONE', { Healthcheck: { Test: ['NONE'] } }],
    [
      'HEALTHCHECK --interval=1m30s --retries=3 CMD pg_isready -q',
      { Healthcheck: { Test: ['CMD-SHELL', 'pg_isready -q'], Interval: 90e9, Retries: 3 } },
    ],
    ['HEALTHCHECK CMD ["true"]', { Healthcheck: { Test: ['CMD', 'true'] } }],
    ['ONBUILD RUN make', { OnBuild: ['RUN make'] }],
  ])('%s', (change, expected) => expect(applyChanges([change])).toEqual(expected));

  test('later ones add to earlier ones', () => {
    expect(applyChanges(['ENV A=1', 'ENV B=2', 'ENV A=3', 'WORKDIR /a', 'WORKDIR b'])).toEqual({
      Env: ['A=3', 'B=2'],
      WorkingDir: '/a/b',
    });
  });

  test.each([
    'RUN make',
    'CMD',
    'EXPOSE x',
    'EXPOSE 70000',
    'EXPOSE 9-1',
    'VOLUME data',
    'HEALTHCHECK --interval=soon CMD true',
    'HEALTHCHECK true',
    'ENV =x',
    'STOPSIGNAL a b',
  ])('%s is refused', (change) => expect(() => applyChanges([change])).toThrow(/the change/));
});
