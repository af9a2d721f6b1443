/** What a firewall of the host's will do is said when something starts that it concerns, and only then. */
import { expect, test } from 'vitest';
import { desire, neededImages } from '../../../src/plan/desire.ts';
import { planUp } from '../../../src/plan/plan.ts';
import { applied, fakeImage } from '../../helpers/fake-live.ts';
import { projectOf } from '../../helpers/project.ts';

async function warnings(
  service: string,
  firewall: 'ufw' | 'firewalld',
  options: { runs?: true; knowsBridges?: true } = {},
) {
  const project = await projectOf(`name: shop\nservices:\n  web: {image: nginx, ${service}}\n`);
  const refs = neededImages(project, Object.keys(project.services)).keys();
  const wanted = desire(project, new Map([...refs].map((ref) => [ref, fakeImage(ref)])), { version: '1' });
  const live = options.runs ? applied(wanted.state) : { networks: [], volumes: [], containers: [] };
  const { knowsBridges = false } = options;
  return planUp(wanted, { ...live, firewalls: [{ name: firewall, knowsBridges }] }).warnings;
}
const PORT = 'ports: ["8080:80"]';

test('ufw: that published ports are open, unless nothing is published to others or nothing is started', async () => {
  expect(await warnings(PORT, 'ufw')).toEqual([expect.stringMatching(/^ufw is active and is not asked/)]);
  expect(await warnings('ports: ["127.0.0.1:8080:80", "[::1]:8080:80"]', 'ufw')).toEqual([]);
  expect(await warnings('init: true', 'ufw')).toEqual([]);
  expect(await warnings(PORT, 'ufw', { runs: true })).toEqual([]);
});

test('firewalld: that containers find no names, unless it has the bridges or there are none', async () => {
  expect(await warnings('init: true', 'firewalld')).toEqual([
    expect.stringMatching(/^firewalld .*--add-interface=tcb\+/),
  ]);
  expect(await warnings('init: true', 'firewalld', { knowsBridges: true })).toEqual([]);
  expect(await warnings('network_mode: host', 'firewalld')).toEqual([]);
  expect(await warnings('init: true', 'firewalld', { runs: true })).toEqual([]);
});
