/** Where a registry is and which way leads there. */
import { describe, expect, test } from 'vitest';
import { hostOf, isDeclaredInsecure, isInRange, isLoopback, splitHost } from '../../../engine/registry/endpoints.ts';
import { isExcepted, proxyFor } from '../../../engine/registry/proxies.ts';

describe('hosts', () => {
  test('docker.io is a name, its registry has another', () => {
    expect(hostOf('docker.io')).toBe('registry-1.docker.io');
    expect(hostOf('ghcr.io')).toBe('ghcr.io');
  });

  test.each([
    ['reg.example:5000', { name: 'reg.example', port: '5000' }],
    ['reg.example', { name: 'reg.example', port: '' }],
    ['[::1]:5000', { name: '::1', port: '5000' }],
  ])('%s', (host, expected) => expect(splitHost(host)).toEqual(expected));

  test('loopback is what never leaves the machine, by its name or its address only', () => {
    expect(['localhost', 'x.localhost', '127.0.0.1', '127.9.9.9', '::1'].every(isLoopback)).toBe(true);
    expect(['127.0.0.1.evil.example', 'localhost.evil.example', '128.0.0.1', '10.0.0.1', '::2'].some(isLoopback)).toBe(
      false,
    );
  });

  test.each([
    ['reg.example:5000', ['reg.example:5000'], true],
    ['reg.example:5000', ['reg.example'], true],
    ['reg.example:5001', ['reg.example:5000'], false],
    ['10.1.2.3:5000', ['10.0.0.0/8'], true],
    ['11.1.2.3:5000', ['10.0.0.0/8'], false],
    ['[fd00::5]:5000', ['fd00::/8'], true],
    ['reg.example', ['0.0.0.0/0', 'nonsense/x', '10.0.0.0/99'], false],
    ['10.1.2.3', ['10.1.2.3/33', '10.0.0.0/', '/8'], false],
  ])('%s is insecure by %j: %s', (host, declared, expected) =>
    expect(isDeclaredInsecure(host, declared)).toBe(expected),
  );

  test('an address of one family is in no range of the other', () => {
    expect(isInRange('::ffff:10.0.0.1', '10.0.0.0/8')).toBe(false);
    expect(isInRange('::ffff:10.0.0.1', '::ffff:0:0/96')).toBe(true);
    expect(isInRange('0.0.0.0', '0.0.0.0/0')).toBe(true);
  });
});

describe('proxies', () => {
  test.each([
    ['https://reg.example', { HTTPS_PROXY: 'http://p:3128' }, 'http://p:3128/'],
    ['https://reg.example', { https_proxy: 'p:3128' }, 'http://p:3128/'],
    ['https://reg.example', { HTTP_PROXY: 'http://p:3128' }, undefined],
    ['http://reg.example', { http_proxy: 'http://p:3128' }, 'http://p:3128/'],
    ['https://127.0.0.1:5000', { HTTPS_PROXY: 'http://p:3128' }, undefined],
    ['https://reg.example', { HTTPS_PROXY: 'http://p:3128', no_proxy: 'example' }, undefined],
    ['https://reg.example', { HTTPS_PROXY: '' }, undefined],
  ])('%s with %j goes through %s', (url, env, expected) => expect(proxyFor(new URL(url), env)?.href).toBe(expected));

  test.each([
    ['socks5://p:1', 'asks for socks5://'],
    ['http://', 'is no URL'],
    ['http://u:50%@p:1', 'has a %'],
  ])('%s is refused without repeating what may be a password', (proxy, why) => {
    const use = () => proxyFor(new URL('https://reg.example'), { HTTPS_PROXY: proxy });
    expect(use).toThrow(`HTTPS_PROXY ${why}`);
    expect(use).not.toThrow('p:1');
  });

  test.each([
    ['https://a.example', 'example', true],
    ['https://example', 'example', true],
    ['https://badexample', 'example', false],
    ['https://a.example', '.example', true],
    ['https://example', '.example', false],
    ['https://a.example', '*.example', true],
    ['https://a.example', 'x, A.EXAMPLE', true],
    ['https://a.example:5000', 'a.example:5000', true],
    ['https://a.example', 'a.example:5000', false],
    ['https://a.example', 'a.example:443', true],
    ['https://10.1.2.3', '10.0.0.0/8', true],
    ['https://10.1.2.3', '10.1.2.3', true],
    ['https://10.1.2.3', '2.3', false],
    ['https://[fd00::1]:5000', 'fd00::/16', true],
    ['https://[fd00::1]:5000', 'fd00::1', true],
    ['https://[fd00::1]:5000', '[fd00::1]:5000', true],
    ['https://a.example', '*', true],
    ['https://a.example', '', false],
    ['https://localhost', '', true],
  ])('%s is excepted by NO_PROXY=%s: %s', (url, list, expected) =>
    expect(isExcepted(new URL(url), list)).toBe(expected),
  );
});
