/** Image references mean what they mean to Docker. */
import { describe, expect, test } from 'vitest';
import { familiarReference, fullReference, parseReference, parseTag } from '../../../engine/image/reference.ts';

const DIGEST = `sha256:${'ab'.repeat(32)}`;
const full = (text: string): string => fullReference(parseReference(text));

describe('references', () => {
  test.each([
    ['nginx', 'docker.io/library/nginx:latest'],
    ['nginx:1.27', 'docker.io/library/nginx:1.27'],
    ['bitnami/redis', 'docker.io/bitnami/redis:latest'],
    ['docker.io/nginx', 'docker.io/library/nginx:latest'],
    ['index.docker.io/library/nginx:x', 'docker.io/library/nginx:x'],
    ['localhost/app', 'localhost/app:latest'],
    ['localhost:5000/app:1', 'localhost:5000/app:1'],
    ['ghcr.io/a/b/c:v1', 'ghcr.io/a/b/c:v1'],
    ['[::1]:5000/app', '[::1]:5000/app:latest'],
    ['Host/app', 'Host/app:latest'],
    ['x/a__b.c-d---e', 'docker.io/x/a__b.c-d---e:latest'],
    [`nginx@${DIGEST}`, `docker.io/library/nginx@${DIGEST}`],
    [`nginx:1.27@${DIGEST}`, `docker.io/library/nginx@${DIGEST}`],
  ])('%s is %s', (text, expected) => expect(full(text)).toBe(expected));

  test.each([
    '',
    'Nginx',
    'nginx:',
    ':tag',
    'a//b',
    '/a',
    'a/',
    'a b',
    '-a',
    'a..b',
    'nginx@sha256:12',
    `nginx:${'t'.repeat(129)}`,
    'ab'.repeat(32),
    `a/${'b'.repeat(300)}`,
    'nginx:..',
    'a@b',
    '../../etc',
    'a/../b',
  ])('%j is refused', (text) => expect(() => parseReference(text)).toThrow(/invalid reference format/));

  test('a tag cannot be made of a digest, nor look like one', () => {
    expect(() => parseTag(`nginx@${DIGEST}`)).toThrow(/digest/);
    expect(() => parseTag('sha256:abcdef')).toThrow(/mistaken/);
  });

  test.each([
    ['docker.io/library/nginx:1.27', 'nginx:1.27'],
    ['docker.io/bitnami/redis:latest', 'bitnami/redis:latest'],
    ['ghcr.io/library/x:1', 'ghcr.io/library/x:1'],
    ['localhost:5000/app:1', 'localhost:5000/app:1'],
  ])('%s is shown as %s', (text, expected) => expect(familiarReference(text)).toBe(expected));
});
