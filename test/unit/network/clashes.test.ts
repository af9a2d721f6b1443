import { expect, test } from 'vitest';
import { findPrefix } from '../../../engine/network/addresses.ts';
import { clashesOf, mainRoutes } from '../../../engine/network/clashes.ts';
import { networkRecord } from './records.ts';

const front = networkRecord('front', ['172.20.0.0/22']);
const route = (text: string, device: string) => ({ ...findPrefix(text)!, device });
const clash = (...routes: ReturnType<typeof route>[]) => clashesOf([front], routes).get('front');

test.each([
  ['172.20.1.0/24', 'tun0', /is shadowed by this host's route 172\.20\.1\.0\/24 that leads to tun0/],
  ['172.20.0.5/32', 'wg0', /shadowed/],
  ['172.20.0.0/22', 'wg0', /shadowed/],
  ['172.16.0.0/12', 'wg0', /hides a part of this host's route 172\.16\.0\.0\/12 that leads to wg0/],
  ['172.20.4.0/22', 'tun0', undefined],
  ['0.0.0.0/0', 'eth0', undefined],
  ['172.20.0.0/22', front.bridge, undefined],
])('a route %s to %s', (prefix, device, says) => {
  const found = clash(route(prefix, device));
  if (says === undefined) expect(found).toBeUndefined();
  else expect(found).toMatch(says);
});

test('who says that it is meant hears nothing', () => {
  const meant = networkRecord('front', ['172.20.0.0/22'], { driverOpts: { 'tcompose.allow_route_overlap': 'true' } });
  expect(clashesOf([meant], [route('172.16.0.0/12', 'wg0')]).size).toBe(0);
});

test("this machine's routes are read with their devices", () => {
  for (const { device, length, family } of mainRoutes()) {
    expect(device).toMatch(/^\S+$/);
    expect(length).toBeLessThanOrEqual(family === 4 ? 32 : 128);
  }
});
