/** Which container a command speaks to. */
import { expect, test } from 'vitest';
import type { LiveContainer } from '../../../src/model/live.ts';
import { type Found, oneOf } from '../../../src/operations/lives.ts';

const replica = (number: number) => ({
  name: `shop-web-${number}`,
  labels: { 'com.docker.compose.service': 'web', 'com.docker.compose.container-number': `${number}` },
});
const containers = [1, 2].map((number) => {
  const { name, labels } = replica(number);
  return { name, labels, madeFrom: { labels } } as unknown as LiveContainer;
});
const found = { containers } as unknown as Found;
const choose = (index?: number) => oneOf(found, { name: 'shop' }, 'web', index).name;

test('the replica of the number, or the first when there is none or it is 0; one that is not there is named', () => {
  expect([choose(2), choose(), choose(0)]).toEqual(['shop-web-2', 'shop-web-1', 'shop-web-1']);
  expect(() => choose(3)).toThrow('container #3');
});
