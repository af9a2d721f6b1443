/** Images of services are built when they are missing or asked for: after what is pulled, before what is made of them. */
import { describe, expect, test } from 'vitest';
import { dryEngine } from '../../../src/cli/dry-run.ts';
import type { BuildRequest } from '../../../src/model/build.ts';
import { TcomposeError } from '../../../src/model/errors.ts';
import { buildImage, buildProject } from '../../../src/operations/build.ts';
import { plan } from '../../../src/operations/plan.ts';
import { pullProject } from '../../../src/operations/pull.ts';
import { up } from '../../../src/operations/up.ts';
import { fakeImage } from '../../helpers/fake-live.ts';
import { projectOf } from '../../helpers/project.ts';
import { contextOf } from './a-shop.ts';

const STACK = `
name: shop
services:
  web: {build: ./web, depends_on: [api]}
  api: {image: api, build: ./api}
`;
const imagesIn = (calls: readonly string[]) => calls.filter((call) => call.startsWith('images.'));

describe('up', () => {
  test('builds what is missing; what has a name is looked for in its registry first, and not being there is no failure', async () => {
    const { context, engine, events } = contextOf({ images: [] });
    await up(context, await projectOf(STACK));
    expect(imagesIn(engine.calls)[0]).toBe('images.pull api');
    expect(imagesIn(engine.calls).slice(1).sort()).toEqual(['images.build api', 'images.build shop-web']);
    expect([...engine.containersByName.keys()].sort()).toEqual(['shop-api-1', 'shop-web-1']);
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'skipped', because: expect.stringContaining('it is built') }),
    );
  });

  test('builds nothing that is here, and pulls instead where the registry has it', async () => {
    const { context, engine } = contextOf({
      images: [['shop-web', fakeImage('x')]],
      registry: [['api', fakeImage('a')]],
    });
    await up(context, await projectOf(STACK));
    expect(imagesIn(engine.calls)).toEqual(['images.pull api']);
  });

  test('--build builds all without asking a registry, and what another image came of is made anew', async () => {
    const images = ['shop-web', 'api'].map((ref) => [ref, fakeImage(ref)] as const);
    const { context, engine } = contextOf({ images });
    const project = await projectOf(STACK);
    await up(context, project);
    const before = engine.calls.length;
    await up(context, project, { build: { when: 'always' } });
    const calls = engine.calls.slice(before);
    expect(imagesIn(calls).sort()).toEqual(['images.build api', 'images.build shop-web']);
    expect(calls.some((call) => call.startsWith('containers.create') && call.includes('shop-web-1'))).toBe(true);
  });

  test('--no-build leaves it at what is missing', async () => {
    const { context, engine } = contextOf({ images: [] });
    await expect(up(context, await projectOf(STACK), { build: { when: 'never' } })).rejects.toThrow();
    expect(engine.calls.filter((call) => call.startsWith('images.build'))).toEqual([]);
  });

  test('a build that fails makes no container, and is told with the place that it has', async () => {
    const at = { file: '/x/Dockerfile', start: { line: 3, column: 1 }, end: { line: 3, column: 9 } };
    const failure = new TcomposeError('RUN make ended with code 2', { code: 'build-step-failed', at });
    const { context, engine } = contextOf({ images: [], failures: { 'build shop-web': failure } });
    await expect(up(context, await projectOf(STACK))).rejects.toMatchObject({ code: 'build-step-failed', at });
    expect(engine.containersByName.size).toBe(0);
  });
});

test('a plan says what would be built or pulled and why, and changes nothing', async () => {
  const { context, engine } = contextOf({ images: [] });
  const { steps } = await plan(context, await projectOf(STACK));
  expect(steps.map(({ id }) => id)).toEqual(
    expect.arrayContaining(['image.pull api', 'image.build api', 'image.build shop-web']),
  );
  expect(steps.find(({ id }) => id === 'container.create shop-web-1')?.after).toContain('image.build shop-web');
  expect(engine.calls).toEqual([]);
});

test('a dry run gets past images that it would build', async () => {
  const { context, engine } = contextOf({ images: [] });
  const outcome = await up({ ...context, engine: dryEngine(engine) }, await projectOf(STACK));
  expect(outcome.plan.steps.map(({ id }) => id)).toContain('container.create shop-web-1');
  expect(engine.calls).toEqual([]);
});

describe('build', () => {
  test('builds the named services, with what they depend on only if asked for; nothing to build is a warning', async () => {
    const project = await projectOf(STACK);
    const [one, more, none] = [contextOf(), contextOf(), contextOf()];
    const built = await buildProject(one.context, project, { services: ['web'] });
    expect(built.map(({ ref, image }) => [ref, image.id])).toEqual([['shop-web', 'sha256:built-shop-web']]);
    await buildProject(more.context, project, { services: ['web'], withDependencies: true });
    expect(imagesIn(more.engine.calls)).toHaveLength(2);
    await buildProject(none.context, await projectOf('name: s\nservices: {a: {image: nginx}}'));
    expect(none.events).toContainEqual({ type: 'warning', text: 'no services to build' });
  });

  test('texts of secrets reach the engine and no plan', async () => {
    const project = {
      ...(await projectOf(
        'name: s\nsecrets: {t: {environment: T}}\nservices: {a: {build: {context: ., secrets: [t]}}}',
      )),
      environment: { T: 'hush' },
    };
    const built: BuildRequest[] = [];
    const { context, events } = contextOf({ built });
    await buildProject(context, project);
    expect(built[0]!.secrets).toEqual([{ id: 't', source: { content: Buffer.from('hush') } }]);
    expect(JSON.stringify(events)).not.toContain('hush');
  });

  test('one image by its request gives what was made', async () => {
    const { context } = contextOf();
    const { steps } = await plan(contextOf({ images: [] }).context, await projectOf(STACK));
    const builds = steps.flatMap(({ action }) => (action.kind === 'image.build' ? [action.build] : []));
    const built = await buildImage(context, builds[0]!);
    expect(built?.image.id).toMatch(/^sha256:built-/);
  });
});

test('pull leaves what is only built alone, and forgives a registry that has not what can be built', async () => {
  const { context, engine } = contextOf({ images: [], registry: [] });
  await pullProject(context, await projectOf(STACK));
  expect(engine.calls).toEqual(['images.pull api']);
  const without = contextOf({ images: [] });
  await pullProject(without.context, await projectOf(STACK), { ignoreBuildable: true });
  expect(without.engine.calls).toEqual([]);
});
