/** V8's optimizing compiler is held back while a large project is read, and only then. */
import v8 from 'node:v8';
import { afterEach, expect, test, vi } from 'vitest';
import { projectOf } from '../../helpers/project.ts';

afterEach(() => vi.restoreAllMocks());

const services = (count: number) =>
  `services:\n${Array.from({ length: count }, (_, i) => `  s${i}: {image: registry.example.com/shop/s${i}:1.4}\n`).join('')}`;

test.each<[string, string, readonly string[]]>([
  ['a small project is read as any program runs', services(10), []],
  ['a large one without it, which is on again at the end', services(3000), ['--no-opt', '--opt']],
])('%s', async (_, text, flags) => {
  const set = vi.spyOn(v8, 'setFlagsFromString').mockImplementation(() => {});
  await projectOf(text);
  expect(set.mock.calls.flat()).toEqual(flags);
});
