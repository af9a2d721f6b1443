/** Start, stop, restart, kill, rm and down, against an engine in memory that keeps the laws. */
import { describe, expect, test } from 'vitest';
import { down } from '../../../src/operations/down.ts';
import { kill } from '../../../src/operations/kill.ts';
import { restart } from '../../../src/operations/restart.ts';
import { rm } from '../../../src/operations/rm.ts';
import { start } from '../../../src/operations/start.ts';
import { stop } from '../../../src/operations/stop.ts';
import { up } from '../../../src/operations/up.ts';
import { projectOf } from '../../helpers/project.ts';
import { contextOf, STACK, statuses, target } from './a-shop.ts';

describe('the life of containers', () => {
  async function running() {
    const project = await projectOf(STACK);
    const made = contextOf();
    await up(made.context, project);
    made.engine.calls.length = 0;
    return { ...made, project };
  }

  test('stop and start go by the file, and in opposite orders', async () => {
    const { context, engine, project } = await running();
    await stop(context, target(project));
    expect(engine.calls).toEqual([
      'containers.stop shop-web-1, shop-seed-1',
      'containers.stop shop-api-1',
      'containers.stop shop-db-1',
    ]);
    engine.calls.length = 0;
    await start(context, target(project));
    expect(engine.calls).toEqual([
      'containers.start shop-db-1, shop-seed-1',
      'containers.await shop-db-1 healthy',
      'containers.start shop-api-1',
      'containers.start shop-web-1',
    ]);
  });

  test('the order survives without the file, in the labels', async () => {
    const { context, engine } = await running();
    await stop(context, { name: 'shop' });
    expect(engine.calls).toEqual([
      'containers.stop shop-web-1, shop-seed-1',
      'containers.stop shop-api-1',
      'containers.stop shop-db-1',
    ]);
  });

  test('start of one service starts what it needs, and not the rest', async () => {
    const { context, engine, project } = await running();
    await stop(context, target(project));
    await start(context, target(project), { services: ['api'] });
    expect(statuses(engine)).toEqual({
      'shop-api-1': 'running',
      'shop-db-1': 'running',
      'shop-seed-1': 'exited',
      'shop-web-1': 'exited',
    });
  });

  test('a stopped service of a profile that is not active is started when it is named, and not otherwise', async () => {
    const { context, engine, project } = await running();
    await stop(context, target(project));
    const { web, ...services } = project.services;
    const without = { ...project, services, disabledServices: { web: web! } };
    await start(context, target(without));
    await restart(context, target(without));
    expect(statuses(engine)['shop-web-1']).toBe('exited');
    await start(context, target(without), { services: ['web'] });
    expect(statuses(engine)['shop-web-1']).toBe('running');
  });

  test('start without containers says what makes them', async () => {
    const { context } = contextOf();
    await expect(start(context, target(await projectOf(STACK)), { services: ['api'] })).rejects.toMatchObject({
      code: 'no-container',
    });
  });

  test('restart leaves running what was not named', async () => {
    const { context, engine, project } = await running();
    await restart(context, target(project), { services: ['api'] });
    expect(engine.calls).toEqual(['containers.stop shop-api-1', 'containers.start shop-api-1']);
  });

  test('an unknown service is refused before anything happens, with or without a file', async () => {
    const { context, engine, project } = await running();
    await expect(stop(context, target(project), { services: ['wep'] })).rejects.toMatchObject({
      code: 'no-such-service',
    });
    await expect(stop(context, { name: 'shop' }, { services: ['wep'] })).rejects.toMatchObject({
      code: 'no-such-service',
    });
    expect(engine.calls).toEqual([]);
  });

  test('kill gets through while another command holds the lock', async () => {
    const { context, engine, project } = await running();
    await engine.lock('shop', 'stop');
    await kill(context, target(project), { services: ['web'], signal: 'SIGTERM' });
    expect(engine.calls).toEqual(['containers.kill shop-web-1 SIGTERM']);
  });

  test('rm removes stopped ones, after asking with their names', async () => {
    const { context, engine, project } = await running();
    await stop(context, target(project), { services: ['web'] });
    const asked: (readonly string[])[] = [];
    const confirm = (answer: boolean) => async (names: readonly string[]) => {
      asked.push(names);
      return answer;
    };
    expect((await rm(context, target(project), { confirm: confirm(false) })).steps).toEqual([]);
    expect(Object.keys(statuses(engine))).toHaveLength(4);
    await rm(context, target(project), { confirm: confirm(true) });
    expect(asked).toEqual([['shop-web-1'], ['shop-web-1']]);
    expect(Object.keys(statuses(engine)).sort()).toEqual(['shop-api-1', 'shop-db-1', 'shop-seed-1']);
  });

  test('down leaves volumes, and with volumes nothing at all', async () => {
    const { context, engine, project } = await running();
    await down(context, target(project));
    expect(engine.state()).toMatchObject({ containers: [], networks: [], volumes: [{ name: 'shop_data' }] });
    await up(context, project);
    await down(context, target(project), { volumes: true });
    expect(engine.state()).toEqual({ containers: [], networks: [], volumes: [] });
  });

  test('down without a file takes all that carries the project’s label, and nothing of another project', async () => {
    const { context, engine } = await running();
    await up(context, await projectOf('name: other\nservices:\n  web: {image: nginx}\n'));
    await down(context, { name: 'shop' }, { volumes: true });
    expect(engine.state()).toMatchObject({
      containers: [{ name: 'other-web-1' }],
      networks: [{ name: 'other_default' }],
      volumes: [],
    });
  });

  test('down with --rmi all removes the images that are there', async () => {
    const { context, engine, project } = await running();
    await down(context, target(project), { rmi: 'all' });
    expect((await engine.images.list()).length).toBe(0);
  });
});
