/** Several builds in one process, each with a step on the network: none is in the way of another. */
import { expect, test } from 'vitest';
import { useEngine } from '../container/use-engine.ts';
import { build } from './a-build.ts';

const stage = useEngine();

test('steps of several builds run side by side, each with an address of its own', async () => {
  const names = ['a', 'b', 'c', 'd', 'e', 'f'];
  const text = (name: string) => `FROM busybox\nRUN echo ${name}; ip -4 -o addr show eth0; sleep 1`;
  const built = await Promise.allSettled(names.map((name) => build(stage.engine, text(name), { network: 'default' })));
  expect(built.flatMap((one) => (one.status === 'rejected' ? [one.reason.cause ?? one.reason] : []))).toEqual([]);
  const addresses = built.map((one) => /inet (\S+)/.exec(one.status === 'fulfilled' ? one.value.output : '')?.[1]);
  expect(new Set(addresses).size).toBe(names.length);
});
