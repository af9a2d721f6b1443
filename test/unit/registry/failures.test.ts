/** Each way to fail has a name of its own, says who refused what, and what to do. */
import { describe, expect, test } from 'vitest';
import { type Refusal, refused, unreachable } from '../../../engine/registry/failures.ts';
import { TcomposeError } from '../../../src/model/errors.ts';

const failing = (code: string, more: object = {}) => Object.assign(new Error('words'), { code, ...more });

describe('no answer', () => {
  test.each([
    [failing('ENOTFOUND', { hostname: 'auth.example' }), 'registry-name', 'auth.example has no address'],
    [failing('EAI_AGAIN'), 'registry-name', 'reg.example has no address'],
    [failing('DEPTH_ZERO_SELF_SIGNED_CERT'), 'registry-tls', 'cannot prove who it is: words'],
    [failing('ERR_TLS_CERT_ALTNAME_INVALID'), 'registry-tls', 'cannot prove who it is: words'],
    [failing('CERT_HAS_EXPIRED'), 'registry-tls', 'cannot prove who it is: words'],
    [failing('ECONNREFUSED'), 'registry-unreachable', 'nobody listens there'],
    [failing('ETIMEDOUT'), 'registry-unreachable', 'it does not answer in time'],
    [failing('EPROXY'), 'registry-unreachable', 'words'],
  ])('%s', (error, code, message) =>
    expect(unreachable('reg.example/x', 'reg.example', error)).toMatchObject({
      code,
      message: expect.stringContaining(message),
      help: expect.stringMatching(/./),
      address: 'image/reg.example/x',
    }),
  );

  test('what has a name already, and Ctrl-C, stay as they are', () => {
    const known = new TcomposeError('x', { code: 'bad-proxy' });
    const aborted = Object.assign(new Error(), { name: 'AbortError' });
    expect(unreachable('x', 'h', known)).toBe(known);
    expect(unreachable('x', 'h', aborted)).toBe(aborted);
  });
});

describe('a refusal', () => {
  const base: Refusal = {
    image: 'reg.example/a/b:1',
    domain: 'reg.example',
    status: 401,
    body: Buffer.alloc(0),
    known: false,
  };
  const errors = (message: string) => Buffer.from(JSON.stringify({ errors: [{ code: 'DENIED', message }] }));

  test.each([
    [
      {},
      'registry-unauthorised',
      'reg.example gives a/b:1 only to those who log in, or does not have it',
      'tcompose login reg.example',
    ],
    [
      { known: true, status: 403 },
      'registry-unauthorised',
      'reg.example does not let you have a/b:1',
      'tcompose login reg.example',
    ],
    [{ domain: 'docker.io', image: 'nginx' }, 'registry-unauthorised', 'docker.io gives nginx only', 'tcompose login'],
    [
      { status: 404, body: errors('manifest\n unknown') },
      'image-not-found',
      'does not have a/b:1: manifest unknown',
      'the tag',
    ],
    [{ status: 429 }, 'registry-rate-limit', 'too many requests', 'log in (tcompose login reg.example)'],
    [
      { status: 429, known: true, retryAfter: '600' },
      'registry-rate-limit',
      'too many requests',
      'wait, try again in 10 minutes',
    ],
    [
      { status: 500, body: Buffer.from('<html>') },
      'registry-failed',
      'fails for a/b:1 with status 500',
      'try again later',
    ],
    [{ status: 400, body: Buffer.from('{"details":"odd"}') }, 'registry-failed', 'status 400: odd', 'who runs it'],
    [{ status: 400, body: Buffer.from('{"errors":[null]}') }, 'registry-failed', 'status 400', 'who runs it'],
    [
      { status: 400, body: errors('x'.repeat(5000)) },
      'registry-failed',
      `status 400: ${'x'.repeat(300)}`,
      'who runs it',
    ],
  ])('%j', (more, code, message, help) => {
    const error = refused({ ...base, ...more });
    expect(error).toMatchObject({
      code,
      message: expect.stringContaining(message),
      help: expect.stringContaining(help),
    });
    expect(error.message.length).toBeLessThan(400);
  });
});
