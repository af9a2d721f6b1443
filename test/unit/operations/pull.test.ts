/** Images are pulled when the policies say so: before containers are made of them, each once, and all of them are tried. */
import { describe, expect, test } from 'vitest';
import { dryEngine } from '../../../src/cli/dry-run.ts';
import { plan } from '../../../src/operations/plan.ts';
import { namesOf, pullProject } from '../../../src/operations/pull.ts';
import { up } from '../../../src/operations/up.ts';
import { fakeImage } from '../../helpers/fake-live.ts';
import { projectOf } from '../../helpers/project.ts';
import { contextOf, IMAGES, STACK } from './a-shop.ts';

const pullsIn = (calls: readonly string[]) => calls.filter((call) => call.startsWith('images.pull')).sort();
const one = (policy: string) => projectOf(`name: shop\nservices: {a: {image: nginx, pull_policy: ${policy}}}`);

/** What `up` pulls of an image that is here since `age` milliseconds, or is not. */
async function pulledWith(policy: string, age: number | undefined, flag?: string): Promise<readonly string[]> {
  const image = {
    ...fakeImage('nginx'),
    ...(age === undefined ? {} : { pulledAt: new Date(1e12 - age).toISOString() }),
  };
  const { context, engine } = contextOf({
    images: age === undefined ? [] : [['nginx', image]],
    registry: [['nginx', image]],
  });
  const options = flag === undefined ? {} : { pull: { policy: flag } };
  await up({ ...context, clock: () => 1e12 }, await one(policy), options).catch(() => undefined);
  return pullsIn(engine.calls);
}

const HOUR = 3_600_000;

describe('up', () => {
  test('pulls what is missing, each image once, before anything is made', async () => {
    const { context, engine } = contextOf({ images: IMAGES.slice(0, 1), registry: IMAGES });
    await up(context, await projectOf(STACK));
    expect(engine.calls.slice(0, 2).sort()).toEqual(['images.pull api', 'images.pull pg']);
    expect(pullsIn(engine.calls)).toHaveLength(2);
    expect([...engine.containersByName.keys()]).toHaveLength(4);
  });

  test.each([
    ['missing', undefined, true],
    ['missing', HOUR, false],
    ['if_not_present', HOUR, false],
    ['always', HOUR, true],
    ['never', undefined, false],
    ['daily', 23 * HOUR, false],
    ['daily', 25 * HOUR, true],
    ['weekly', 25 * HOUR, false],
    ['weekly', 8 * 24 * HOUR, true],
    ['refresh', HOUR, true],
    ['every_1d12h', 35 * HOUR, false],
    ['every_1d12h', 37 * HOUR, true],
  ])('with the policy %s and an image of age %s pulls: %s', async (policy, age, isPulled) => {
    expect(await pulledWith(policy, age)).toEqual(isPulled ? ['images.pull nginx'] : []);
  });

  test.each([
    [3 * HOUR, true],
    [HOUR, false],
  ])('with refresh, and pull_refresh_after 2h, and an image of age %s pulls: %s', async (age, isPulled) => {
    expect(await pulledWith('refresh, pull_refresh_after: 1h60m', age)).toEqual(isPulled ? ['images.pull nginx'] : []);
  });

  test('--pull counts more than the file', async () => {
    expect(await pulledWith('never', HOUR, 'always')).toHaveLength(1);
    expect(await pulledWith('always', HOUR, 'missing')).toEqual([]);
    expect(await pulledWith('always', undefined, 'never')).toEqual([]);
  });

  test('--quiet-pull shows nothing of it', async () => {
    const { context, events } = contextOf({ images: [], registry: IMAGES });
    await up(context, await projectOf(STACK), { pull: { quiet: true } });
    expect(events.some((event) => 'step' in event && event.step.action.kind === 'image.pull')).toBe(false);
  });
});

test('a plan names what would be pulled, and what waits for it, and pulls nothing', async () => {
  const { context, engine } = contextOf({ images: IMAGES.slice(1), registry: IMAGES });
  const { steps } = await plan(context, await projectOf(STACK));
  expect(steps[0]).toMatchObject({
    id: 'image.pull nginx',
    because: [{ code: 'missing', at: { start: { line: 4 } } }],
  });
  expect(steps.find(({ id }) => id === 'container.create shop-web-1')?.after).toContain('image.pull nginx');
  expect(engine.calls).toEqual([]);
});

test('a dry run gets past images that it would pull', async () => {
  const { context, engine } = contextOf({ images: [] });
  const outcome = await up({ ...context, engine: dryEngine(engine) }, await projectOf(STACK));
  expect(outcome.plan.steps.map(({ id }) => id)).toContain('container.create shop-web-1');
  expect(engine.calls).toEqual([]);
});

describe('pull', () => {
  test('pulls what is there, too, but nothing that is never pulled', async () => {
    const { context, engine } = contextOf({ registry: IMAGES });
    await pullProject(context, await projectOf(STACK));
    expect(pullsIn(engine.calls)).toEqual(['images.pull api', 'images.pull nginx', 'images.pull pg']);
    const never = contextOf({ registry: IMAGES });
    await pullProject(never.context, await one('never'));
    expect(never.engine.calls).toEqual([]);
  });

  test('of named services only theirs, with what they need on demand', async () => {
    const project = await projectOf(STACK);
    const [alone, all] = [contextOf({ registry: IMAGES }), contextOf({ registry: IMAGES })];
    await pullProject(alone.context, project, { services: ['api'] });
    expect(pullsIn(alone.engine.calls)).toEqual(['images.pull api']);
    await pullProject(all.context, project, { services: ['api'], includeDeps: true });
    expect(pullsIn(all.engine.calls)).toEqual(['images.pull api', 'images.pull pg']);
  });

  test('tries all of them, and forgives on demand', async () => {
    const project = await projectOf(STACK);
    const { context, engine, events } = contextOf({ images: [], registry: IMAGES.slice(1) });
    await expect(pullProject(context, project)).rejects.toMatchObject({ code: 'image-not-found' });
    expect(pullsIn(engine.calls)).toHaveLength(3);
    await pullProject(context, project, { ignoreFailures: true });
    expect(events).toContainEqual({ type: 'warning', text: 'no nginx' });
  });
});

test('the name of what was pulled is its full one, with the digest of the registry', () => {
  const image = {
    ...fakeImage('nginx'),
    tags: ['docker.io/library/nginx:latest'],
    digests: ['docker.io/library/nginx@sha256:12'],
  };
  expect(namesOf(image, 'nginx')).toEqual({
    name: 'docker.io/library/nginx:latest',
    familiar: 'nginx:latest',
    digest: 'sha256:12',
  });
});
