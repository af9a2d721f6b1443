/** The walk: what goes together, what waits, what goes on when something fails, and how it is interrupted. */
import { describe, expect, test } from 'vitest';
import type { ProgressEvent } from '../../../src/model/events.ts';
import type { Action, Plan, Step } from '../../../src/model/plan.ts';
import { desire } from '../../../src/plan/desire.ts';
import { stepId } from '../../../src/plan/draft.ts';
import { planUp } from '../../../src/plan/plan.ts';
import { apply } from '../../../src/reconcile/apply.ts';
import { createFakeEngine, type FakeOptions } from '../../helpers/fake-engine.ts';
import { applied, fakeImage, nothing } from '../../helpers/fake-live.ts';
import { projectOf } from '../../helpers/project.ts';

const STACK = `
name: shop
services:
  web: {image: i, depends_on: [api]}
  api: {image: i, scale: 3, depends_on: {db: {condition: service_healthy}}}
  db: {image: i, healthcheck: {test: [CMD, ok]}}
  alone: {image: i}
`;

async function run(text: string, options: FakeOptions & { signal?: AbortSignal } = {}) {
  const project = await projectOf(text);
  const plan = planUp(desire(project, new Map([['i', fakeImage('i')]])), options.live ?? nothing);
  return { ...(await applyPlan(plan, options)), plan };
}

async function applyPlan(plan: Plan, options: FakeOptions & { signal?: AbortSignal } = {}) {
  const engine = createFakeEngine(options);
  const events: ProgressEvent[] = [];
  const signal = options.signal ?? new AbortController().signal;
  const result = await apply(plan, { engine, emit: (event) => events.push(event), signal, clock: () => 0 });
  return { engine, events, result };
}

const ids = (steps: readonly Step[]) => steps.map(({ id }) => id).sort();

describe('apply', () => {
  test('gives everything that is ready to the engine in one call a kind', async () => {
    const { engine, result } = await run(STACK);
    expect(result.failed).toEqual([]);
    expect(engine.calls).toEqual([
      'networks.create shop_default',
      'containers.create shop-alone-1, shop-db-1, shop-api-1, shop-api-2, shop-api-3, shop-web-1',
      'containers.start shop-alone-1, shop-db-1',
      'containers.await shop-db-1 healthy',
      'containers.start shop-api-1, shop-api-2, shop-api-3',
      'containers.start shop-web-1',
    ]);
  });

  test('a failure skips what rests on it, and the rest finishes', async () => {
    const failure = new Error('shop-db-1 is unhealthy');
    const { result, events } = await run(STACK, { failures: { 'await shop-db-1': failure } });
    expect(result.failed.map(({ step, error }) => [step.id, error])).toEqual([
      ['container.await shop-db-1 healthy', failure],
    ]);
    expect(ids(result.skipped)).toEqual([
      'container.start shop-api-1',
      'container.start shop-api-2',
      'container.start shop-api-3',
      'container.start shop-web-1',
    ]);
    expect(ids(result.done)).toContain('container.start shop-alone-1');
    expect(events.filter(({ type }) => type === 'skipped')).toHaveLength(4);
    expect(result.interrupted).toBe(false);
  });

  test('one member of a batch fails alone', async () => {
    const { result } = await run(STACK, { failures: { 'start shop-api-2': new Error('no') } });
    expect(result.failed.map(({ step }) => step.id)).toEqual(['container.start shop-api-2']);
    expect(ids(result.done)).toEqual(
      expect.arrayContaining(['container.start shop-api-1', 'container.start shop-api-3']),
    );
    expect(ids(result.skipped)).toEqual(['container.start shop-web-1']);
  });

  test('what fails as a whole fails for each of its steps', async () => {
    const text = 'name: shop\nservices:\n  a: {image: i, networks: [x, y]}\nnetworks: {x: , y: }\n';
    const { result } = await run(text, { failures: { 'networks.create shop_x': new Error('no address left') } });
    expect(result.failed.map(({ step }) => step.id)).toEqual(['network.create shop_x', 'network.create shop_y']);
  });

  test('an optional wait that fails is a warning, and its dependants start', async () => {
    const text = STACK.replace('service_healthy', 'service_healthy, required: false');
    const { result, events } = await run(text, {
      failures: { 'await shop-db-1': new Error('shop-db-1 is unhealthy') },
    });
    expect(result.failed).toEqual([]);
    expect(result.skipped).toEqual([]);
    expect(events).toContainEqual({ type: 'warning', text: 'shop-db-1 is unhealthy (not required)' });
  });

  test('interrupted, it finishes what runs and begins nothing new', async () => {
    const controller = new AbortController();
    const during = (call: string) => {
      if (call.startsWith('containers.start shop-alone-1')) controller.abort();
    };
    const { engine, result } = await run(STACK, { during, signal: controller.signal });
    expect(result.interrupted).toBe(true);
    expect(engine.calls.at(-1)).toBe('containers.start shop-alone-1, shop-db-1');
    expect(ids(result.done)).toContain('container.start shop-db-1');
    expect(result.failed).toEqual([]);
    expect(result.skipped).toHaveLength(5);
  });

  test('an interrupt after the last step is none', async () => {
    const controller = new AbortController();
    const { result } = await run('name: s\nservices:\n  a: {image: i, network_mode: none}\n', {
      signal: controller.signal,
      during: (call) => {
        if (call.startsWith('containers.start')) controller.abort();
      },
    });
    expect(result.interrupted).toBe(false);
  });

  test('stops with another grace period are another call', async () => {
    const project = await projectOf('name: s\nservices:\n  a: {image: i}\n  b: {image: i}\n  c: {image: i}\n');
    const live = applied(desire(project, new Map([['i', fakeImage('i')]])).state);
    const stop = (container: string, graceMs?: number): Action => ({
      kind: 'container.stop',
      container,
      ...(graceMs ? { graceMs } : {}),
    });
    const steps = [stop('s-a-1'), stop('s-b-1', 5), stop('s-c-1')].map((action) => ({
      id: stepId(action),
      action,
      after: [],
      because: [],
    }));
    const { engine } = await applyPlan({ project: 's', steps, warnings: [] }, { live });
    expect(engine.calls).toEqual(['containers.stop s-a-1, s-c-1', 'containers.stop s-b-1']);
  });

  test('every step is told of exactly once as started and once as ended', async () => {
    const { events, plan } = await run(STACK);
    for (const step of plan.steps) {
      expect(events.filter((event) => event.type === 'started' && event.step === step)).toHaveLength(1);
      expect(events.filter((event) => event.type === 'done' && event.step === step)).toHaveLength(1);
    }
    expect(events[0]).toEqual({ type: 'plan', steps: plan.steps });
  });
});
