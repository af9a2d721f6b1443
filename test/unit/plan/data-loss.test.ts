/** Whatever destroys a volume is marked in the plan; whatever does not, is not. Every way that there is, one row each. */
import { describe, expect, test } from 'vitest';
import type { LiveContainer, LiveState } from '../../../src/model/live.ts';
import type { Plan } from '../../../src/model/plan.ts';
import { projectDependencies } from '../../../src/plan/dependencies.ts';
import { desire, neededImages } from '../../../src/plan/desire.ts';
import { LABEL } from '../../../src/plan/labels.ts';
import { planRestart, planRm, planStart, planStop } from '../../../src/plan/lifecycle.ts';
import { planUp } from '../../../src/plan/plan.ts';
import { planDown } from '../../../src/plan/plan-down.ts';
import { applied, ended, fakeImage } from '../../helpers/fake-live.ts';
import { projectOf } from '../../helpers/project.ts';

const file = (service = '', volume = 'data: {}', image = 'pg') => `
name: shop
services:
  db:
    image: ${image}
    volumes: [data:/data, /anonymous]
    tmpfs: [/scratch]
${service}
volumes:
  ${volume}
`;

async function stateOf(text: string) {
  const project = await projectOf(text);
  const refs = neededImages(project, Object.keys(project.services)).keys();
  const images = new Map([...refs].map((ref) => [ref, fakeImage(ref)]));
  const wanted = desire(project, images, { version: '1' });
  return { project, wanted, dependencies: projectDependencies(project) };
}

type Way = (given: {
  readonly before: Awaited<ReturnType<typeof stateOf>>;
  readonly after: Awaited<ReturnType<typeof stateOf>>;
  readonly live: LiveState;
}) => Plan;

const up =
  (choices: Parameters<typeof planUp>[2] = {}): Way =>
  ({ after, live }) =>
    planUp(after.wanted, live, choices);
const down =
  (choices: Parameters<typeof planDown>[1] = {}): Way =>
  ({ before, live }) =>
    planDown(
      {
        project: 'shop',
        live,
        dependencies: before.dependencies,
        file: {
          services: new Set(Object.keys(before.project.services)),
          volumes: new Set(Object.values(before.project.volumes).map(({ name }) => name)),
        },
      },
      choices,
    );
const lives = ({ before, live }: Parameters<Way>[0]) => ({
  project: 'shop',
  containers: live.containers,
  dependencies: before.dependencies,
});
const stopped = (live: LiveState): LiveState => ({
  ...live,
  containers: live.containers.map((one): LiveContainer => ({ ...one, ...ended(0) })),
});

interface Row {
  readonly way: Way;
  readonly before?: string;
  readonly after?: string;
  readonly bend?: (live: LiveState) => LiveState;
  readonly loses: readonly string[];
}

const tmpfs = 'data: {driver_opts: {type: tmpfs, device: tmpfs, o: size=1m}}';
const bound = (device: string) => `data: {driver_opts: {type: none, o: bind, device: ${device}}}`;
const ROWS: Readonly<Record<string, Row>> = {
  'nothing that changes': { way: up(), loses: [] },
  'a service that is made anew keeps its volumes': { way: up(), after: file('    environment: {A: b}'), loses: [] },
  '--force-recreate does, too': { way: up({ forceRecreate: true }), loses: [] },
  '-V leaves the old anonymous volumes behind': { way: up({ renewAnonVolumes: true }), loses: [] },
  'a target that goes from the file leaves its volume behind': {
    way: up(),
    after: file().replace(', /anonymous', ''),
    loses: [],
  },
  'other driver_opts replace a volume': {
    way: up(),
    before: file('', 'data: {driver_opts: {o: size=1}}'),
    loses: ['volume.remove shop_data'],
  },
  'refused, it is kept': {
    way: up({ keep: new Set(['volume/shop_data']) }),
    before: file('', 'data: {driver_opts: {o: size=1}}'),
    loses: [],
  },
  'a tmpfs is lost with its volume': { way: up(), before: file('', tmpfs), loses: ['volume.remove shop_data'] },
  'of a folder of the host only the name goes': { way: up(), before: file('', bound('/srv/a')), loses: [] },
  'and by down --volumes': {
    way: down({ volumes: true }),
    before: file('', bound('/srv/a')),
    loses: ['container.remove shop-db-1'],
  },
  'an orphan that is removed leaves its volumes behind': {
    way: up({ removeOrphans: true }),
    after: file().replace('  db:', '  other:'),
    loses: [],
  },
  'a replica that is too many does': {
    way: up(),
    before: file('    scale: 2'),
    loses: [],
  },
  'an ended one-off of run --rm takes its anonymous volumes along': {
    way: up(),
    bend: (live) => ({
      ...live,
      containers: live.containers.map((one) => ({
        ...one,
        ...ended(0),
        name: 'shop-db-run-1',
        madeFrom: {
          ...one.madeFrom,
          name: 'shop-db-run-1',
          labels: {
            ...one.madeFrom.labels,
            'com.docker.compose.oneoff': 'True',
            [LABEL.autoRemove]: 'True',
            'com.docker.compose.project': 'shop',
          },
        },
      })),
    }),
    loses: ['container.remove shop-db-run-1'],
  },
  down: { way: down(), loses: [] },
  'down --volumes': { way: down({ volumes: true }), loses: ['container.remove shop-db-1', 'volume.remove shop_data'] },
  rm: { way: (given) => planRm(lives(given), {}), bend: stopped, loses: [] },
  'rm --volumes': {
    way: (given) => planRm(lives(given), { volumes: true }),
    bend: stopped,
    loses: ['container.remove shop-db-1'],
  },
  'rm --stop --volumes': {
    way: (given) => planRm(lives(given), { stop: true, volumes: true }),
    loses: ['container.remove shop-db-1'],
  },
  'rm --volumes of what has no anonymous one': {
    way: (given) => planRm(lives(given), { volumes: true }),
    before: file().replace(', /anonymous', ''),
    bend: stopped,
    loses: [],
  },
  stop: { way: (given) => planStop(lives(given)), loses: [] },
  start: { way: (given) => planStart(lives(given)), bend: stopped, loses: [] },
  restart: { way: (given) => planRestart(lives(given), { services: new Set(['db']) }), loses: [] },
};

describe('loss of data', () => {
  test.each(Object.entries(ROWS))('%s', async (_, { way, before = file(), after = file(), bend, loses }) => {
    const was = await stateOf(before);
    const live = applied(was.wanted.state);
    const plan = way({ before: was, after: await stateOf(after), live: bend?.(live) ?? live });
    expect(plan.steps.flatMap(({ id, losesData }) => (losesData ? [id] : []))).toEqual(loses);
    // And the other way round: nothing that takes a volume of the engine's own goes unmarked.
    const unmarked = plan.steps.filter(
      ({ action, losesData }) =>
        !losesData &&
        ((action.kind === 'volume.remove' && !before.includes('type: none')) ||
          (action.kind === 'container.remove' &&
            action.anonymousVolumes &&
            live.containers.some(({ mounts }) => mounts.some(({ anonymous }) => anonymous)))),
    );
    expect(unmarked.map(({ id }) => id)).toEqual([]);
  });
});
