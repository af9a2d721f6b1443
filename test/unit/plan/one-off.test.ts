/** `run`: what becomes of the service, and what the plan does with everybody else. */
import { expect, test } from 'vitest';
import { desire } from '../../../src/plan/desire.ts';
import { type OneOffChanges, withChanges, withOneOff } from '../../../src/plan/one-off.ts';
import { planUp } from '../../../src/plan/plan.ts';
import { fakeImage, liveNetwork, liveVolume, runningContainer } from '../../helpers/fake-live.ts';
import { projectOf } from '../../helpers/project.ts';

const FILE = `
name: shop
services:
  web:
    image: nginx
    container_name: fixed
    restart: always
    deploy: { replicas: 1 }
    command: [serve]
    ports: ["80:80"]
    cap_add: [NET_ADMIN]
    cap_drop: [CHOWN]
    environment: { A: file, B: file }
    networks: { default: { aliases: [www] } }
    volumes: ["data:/data"]
    depends_on: { db: { condition: service_healthy } }
  db:
    image: nginx
    healthcheck: { test: "true" }
volumes: { data: }
`;

const NOTHING: OneOffChanges = {
  command: [],
  tty: false,
  stdinOpen: true,
  environment: {},
  labels: {},
  volumes: [],
  servicePorts: false,
  capAdd: [],
  capDrop: [],
};
const ONE_OFF = {
  service: 'web',
  name: 'shop-web-run-1',
  slug: 'abc',
  useAliases: false,
  removes: false,
  foreground: true,
};
const IMAGES = new Map([['nginx', fakeImage('nginx', { entrypoint: ['/entry'], cmd: ['image'] })]]);

async function wanted(changes: Partial<OneOffChanges> = {}, oneOff: Partial<typeof ONE_OFF> = {}) {
  const project = withChanges(await projectOf(FILE), 'web', { ...NOTHING, ...changes });
  return withOneOff(desire(project, IMAGES, { services: ['web'] }), { ...ONE_OFF, ...oneOff });
}
const container = async (...args: Parameters<typeof wanted>) =>
  (await wanted(...args)).state.containers.find(({ name }) => name === 'shop-web-run-1')!;

test('a one-off has no port, no restart, no number and no name of the service', async () => {
  const made = await container();
  expect(made).toMatchObject({ ports: [], restart: { policy: 'no' }, stdinOpen: true, foreground: true });
  expect(made.argv).toEqual(['/entry', 'serve']);
  expect(made.attachments[0]!.aliases).toEqual(['shop-web-run-1']);
  expect(made.labels).toMatchObject({ 'com.docker.compose.oneoff': 'True', 'com.docker.compose.slug': 'abc' });
  expect(made.labels).not.toHaveProperty(['com.docker.compose.container-number']);
});

test('flags change it as docker compose run does', async () => {
  const changes = { command: ['ls'], environment: { B: 'flag' }, capAdd: ['CHOWN'], capDrop: ['NET_ADMIN'], user: '9' };
  const made = await container({ ...changes, servicePorts: true }, { useAliases: true });
  expect(made).toMatchObject({ argv: ['/entry', 'ls'], env: { A: 'file', B: 'flag' }, user: '9' });
  expect(made.security).toMatchObject({ capAdd: ['CHOWN'], capDrop: ['NET_ADMIN'] });
  expect(made.ports).toHaveLength(1);
  expect(made.attachments[0]!.aliases).toEqual(['shop-web-run-1', 'web', 'www']);
});

test('an entrypoint of its own drops the command of the service', async () => {
  expect((await container({ entrypoint: ['sh', '-c'], command: ['id'] })).argv).toEqual(['sh', '-c', 'id']);
  expect((await container({ entrypoint: ['id'] })).argv).toEqual(['id']);
});

test('a volume named only on the command line is called as it is there; a mount replaces the one at its target', async () => {
  const desired = await wanted({ volumes: [{ type: 'volume', source: 'extra', target: '/data' }] });
  expect(desired.state.volumes.map(({ name }) => name)).toContain('extra');
  expect((await container({ volumes: [{ type: 'volume', source: 'extra', target: '/data' }] })).mounts).toMatchObject([
    { volume: 'extra', target: '/data' },
  ]);
});

test('dependencies come first and are awaited; replicas of the service stay as they are', async () => {
  const desired = await wanted();
  const replica = runningContainer({ ...(await container()), name: 'fixed', labels: { ...LABELS } });
  const there = { networks: desired.state.networks.map(liveNetwork), volumes: desired.state.volumes.map(liveVolume) };
  const { steps } = planUp(desired, { ...there, containers: [replica] });
  expect(steps.filter(({ id }) => id.includes('fixed'))).toEqual([]);
  const start = steps.find(({ id }) => id === 'container.start shop-web-run-1')!;
  expect(start.after).toContain('container.await shop-db-1 healthy');
});

const LABELS = { 'com.docker.compose.project': 'shop', 'com.docker.compose.service': 'web' };

test('an ended one-off of run --rm goes with the next plan, another only with --remove-orphans', async () => {
  const project = await projectOf(FILE);
  const ended = async (removes: boolean) =>
    runningContainer(await container({}, { removes }), { status: 'exited', exitCode: 0 });
  const removed = async (removes: boolean, removeOrphans = false) =>
    planUp(
      desire(project, IMAGES),
      { networks: [], volumes: [], containers: [await ended(removes)] },
      { removeOrphans },
    ).steps.some(({ id }) => id === 'container.remove shop-web-run-1');
  expect([await removed(true), await removed(false), await removed(false, true)]).toEqual([true, false, true]);
});
