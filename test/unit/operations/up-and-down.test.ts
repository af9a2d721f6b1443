/** Whole commands against an engine in memory: what they leave behind, what they refuse, and that they agree with each other. */

import { describe, expect, test } from 'vitest';
import { TcomposeError } from '../../../src/model/errors.ts';
import { plainNetwork } from '../../../src/model/plain-network.ts';
import { down } from '../../../src/operations/down.ts';
import { plan, planOffline } from '../../../src/operations/plan.ts';
import { stop } from '../../../src/operations/stop.ts';
import { up } from '../../../src/operations/up.ts';
import { liveNetwork } from '../../helpers/fake-live.ts';
import { projectOf } from '../../helpers/project.ts';
import { contextOf, STACK, statuses, target } from './a-shop.ts';

describe('up', () => {
  test('twice changes nothing the second time, and plan says so before it', async () => {
    const project = await projectOf(STACK);
    const { context, engine } = contextOf();
    const first = await up(context, project);
    expect(first.plan.steps.length).toBeGreaterThan(8);
    const { length } = engine.calls;
    expect((await plan(context, project)).steps).toEqual([]);
    expect((await up(context, project)).plan.steps).toEqual([]);
    expect(engine.calls).toHaveLength(length);
  });

  test('names what to attach to: what was asked for, without services that say attach: false', async () => {
    const project = await projectOf(STACK);
    const { context } = contextOf();
    const prefixes = async (options: Parameters<typeof up>[2]) =>
      (await up(context, project, options)).attach.map(({ prefix }) => prefix);
    expect(await prefixes({})).toEqual(['db-1', 'api-1', 'web-1']);
    expect(await prefixes({ services: ['web'] })).toEqual(['web-1']);
    expect(await prefixes({ services: ['web'], attachDependencies: true })).toEqual(['db-1', 'api-1', 'web-1']);
    expect(await prefixes({ noAttach: ['db'] })).toEqual(['api-1', 'web-1']);
    await expect(up(context, project, { services: ['web'], attach: ['seed'] })).rejects.toMatchObject({
      code: 'usage',
    });
  });

  test('with images that cannot be had names all of them with their lines, and touches nothing else', async () => {
    const project = await projectOf(STACK);
    const { context, engine } = contextOf({ images: [] });
    const error = await up(context, project).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      errors: [{ code: 'image-not-found' }, { code: 'image-not-found' }, { code: 'image-not-found' }],
    });
    expect((error as { errors: TcomposeError[] }).errors.every(({ at }) => at !== undefined)).toBe(true);
    expect(engine.calls.sort()).toEqual(['images.pull api', 'images.pull nginx', 'images.pull pg']);
  });

  test('gives an error of the engine the line of the file', async () => {
    const project = await projectOf(STACK);
    const inUse = new TcomposeError('port 8080/tcp is held by nginx (pid 7)', {
      code: 'port-in-use',
      address: 'container/shop-web-1',
      help: 'stop it',
    });
    const { context } = contextOf({ failures: { 'start shop-web-1': inUse } });
    await expect(up(context, project)).rejects.toMatchObject({
      code: 'port-in-use',
      at: { start: { line: 4 } },
      help: 'stop it',
    });
  });

  test('is refused while another command changes the project, but a wrong file is told first', async () => {
    const { context, engine } = contextOf();
    await engine.lock('shop', 'down');
    await expect(up(context, await projectOf(STACK))).rejects.toMatchObject({ code: 'project-locked' });
    await expect(up(context, await projectOf(STACK), { services: ['wep'] })).rejects.toMatchObject({
      code: 'no-such-service',
    });
    await expect(up(context, await projectOf(STACK), { attach: ['none'] })).rejects.toMatchObject({ code: 'usage' });
    expect(engine.calls).toEqual([]);
  });

  test('tells of every container that failed, and once of what failed for all', async () => {
    const project = await projectOf('name: s\nservices:\n  a: {image: api}\n  b: {image: api}\n');
    const failed = (address: string) => new TcomposeError('cannot bind', { code: 'launch-failed', address });
    const each = contextOf({
      failures: { 'start s-a-1': failed('container/s-a-1'), 'start s-b-1': failed('container/s-b-1') },
    });
    await expect(up(each.context, project)).rejects.toMatchObject({
      errors: [
        { address: 'container/s-a-1', at: { start: { line: 3 } } },
        { address: 'container/s-b-1', at: { start: { line: 4 } } },
      ],
    });
    const text = 'name: s\nservices:\n  a: {image: api, networks: [x, y]}\nnetworks: {x: , y: }\n';
    const whole = contextOf({ failures: { 'networks.create s_x': new Error('no address left') } });
    await expect(up(whole.context, await projectOf(text))).rejects.toThrow(/^no address left$/);
  });

  test('lets go of the lock whatever happens', async () => {
    const project = await projectOf(STACK);
    const { context } = contextOf({ failures: { 'start shop-db-1': new Error('no') } });
    await expect(up(context, project)).rejects.toThrow('no');
    await expect(stop(context, target(project))).resolves.toBeDefined();
  });

  test('interrupted ends with 130', async () => {
    const project = await projectOf(STACK);
    const abort = new AbortController();
    const during = (call: string) => {
      if (call.startsWith('containers.create')) abort.abort();
    };
    const { context, engine } = contextOf({ during });
    await expect(up({ ...context, signal: abort.signal }, project)).rejects.toMatchObject({
      code: 'interrupted',
      exitCode: 130,
    });
    expect(Object.values(statuses(engine))).toEqual(['created', 'created', 'created', 'created']);
  });

  test('asks before data is lost, and keeps it when refused', async () => {
    const text =
      'name: shop\nservices:\n  db: {image: pg, volumes: ["data:/data"]}\nvolumes: {data: {driver_opts: {o: size=1}}}\n';
    const { context, engine } = contextOf();
    await up(context, await projectOf(text));
    const changed = await projectOf(text.replace('size=1', 'size=2'));
    const asked: string[] = [];
    const consent = (answer: boolean) => async (steps: readonly { readonly id: string }[]) => {
      asked.push(...steps.map(({ id }) => id));
      return answer;
    };
    const refused = await up(context, changed, { consent: consent(false) });
    expect(asked).toEqual(['volume.remove shop_data']);
    expect(refused.plan.steps).toEqual([]);
    expect(refused.plan.warnings).toEqual([expect.stringContaining('volume shop_data is kept')]);
    await up(context, changed, { consent: consent(true) });
    expect(engine.state().volumes[0]!.madeFrom.driverOpts).toEqual({ o: 'size=2' });
    expect(statuses(engine)).toEqual({ 'shop-db-1': 'running' });
  });

  test('uses a network of somebody else as it is, and finds it by its name', async () => {
    const text =
      'name: shop\nservices:\n  web: {image: nginx, networks: [outside]}\nnetworks: {outside: {external: true, name: lan}}\n';
    const project = await projectOf(text);
    const [lan] = planOffline(project).steps.flatMap(({ action }) =>
      action.kind === 'network.create' ? [action.network] : [],
    );
    expect(lan).toBeUndefined();
    const network = liveNetwork(plainNetwork('lan', {}));
    const { context, engine } = contextOf({ live: { networks: [network], volumes: [], containers: [] } });
    await up(context, project);
    await down(context, target(project));
    expect(engine.state()).toEqual({ networks: [network], volumes: [], containers: [] });
  });

  test('brings a job that has ended back to life only in the foreground or by name', async () => {
    const project = await projectOf('name: shop\nservices:\n  job: {image: api}\n');
    const { context, engine } = contextOf();
    await up(context, project);
    engine.containersByName.set('shop-job-1', {
      ...engine.containersByName.get('shop-job-1')!,
      status: 'exited',
      exitCode: 0,
      pid: 0,
    });
    expect((await plan(context, project)).steps).toEqual([]);
    expect((await plan(context, project, { rerunFinished: true })).steps.map(({ id }) => id)).toEqual([
      'container.start shop-job-1',
    ]);
    expect((await plan(context, project, { services: ['job'] })).steps.map(({ id }) => id)).toEqual([
      'container.start shop-job-1',
    ]);
  });

  test('starts again what was stopped, even where it ended with 0', async () => {
    const project = await projectOf(STACK);
    const { context, engine } = contextOf();
    await up(context, project);
    await stop(context, target(project));
    await up(context, project);
    expect(new Set(Object.values(statuses(engine)))).toEqual(new Set(['running']));
  });
});
