import { describe, expect, test } from 'vitest';
import { parseMount } from '../../../engine/build/run-mount.ts';

describe('RUN --mount', () => {
  const mount = (text: string) => parseMount(text, { expand: (value) => value.replace('$x', 'val'), workingDir: '/w' });
  test.each<[string, object]>([
    ['target=/a', { type: 'bind', target: '/a', readOnly: true }],
    ['type=bind,dst=b,src=c,from=d,rw', { type: 'bind', target: '/w/b', source: 'c', from: 'd', readOnly: false }],
    [
      'type=cache,target=/$x/,id=$x,sharing=locked,mode=0700,uid=1,gid=2',
      { target: '/val', id: 'val', sharing: 'locked', mode: 0o700, uid: 1, gid: 2, readOnly: false },
    ],
    ['type=cache,target=/c,ro', { readOnly: true }],
    ['type=tmpfs,target=/t,size=64m', { sizeBytes: 64 << 20, readOnly: false }],
    ['type=secret,id=s,env=TOKEN,required', { id: 's', env: 'TOKEN', required: true }],
    ['type=secret,source=s,required=false', { id: 's', required: false }],
    ['type=ssh', { type: 'ssh', readOnly: true }],
    ['"type=bind","source=a,b",target=/c', { source: 'a,b' }],
  ])('%s', (text, expected) => {
    expect(mount(text)).toMatchObject(expected);
  });
  test.each([
    ['type=tmpfs,target=/t,uid=1', 'has no uid'],
    ['type=bind', 'needs a target'],
    ['type=secret', 'needs an id'],
    ['target=/', 'cannot be /'],
    ['type=cache,target=/a,mode=9', 'no octal mode'],
    ['type=cache,target=/a,sharing=x', 'sharing=x'],
    ['target', 'needs a value'],
    ['"a', 'quotes'],
    ['target=/a,ro=maybe', 'true or false'],
  ])('%s is refused', (text, message) => {
    expect(() => mount(text)).toThrow(message);
  });
});
