/** The stack that the operations are tried on, and a context whose engine lives in memory. */
import type { ProgressEvent } from '../../../src/model/events.ts';
import type { Project } from '../../../src/model/project.ts';
import type { Context } from '../../../src/operations/context.ts';
import { createFakeEngine, type FakeEngine, type FakeOptions } from '../../helpers/fake-engine.ts';
import { fakeImage } from '../../helpers/fake-live.ts';

export const STACK = `
name: shop
services:
  web: {image: nginx, depends_on: [api], ports: ["8080:80"]}
  api: {image: api, depends_on: {db: {condition: service_healthy}}}
  db: {image: pg, volumes: ["data:/data"], healthcheck: {test: [CMD, ok]}}
  seed: {image: pg, attach: false}
volumes: {data: }
`;
export const IMAGES = ['nginx', 'api', 'pg'].map((ref) => [ref, fakeImage(ref)] as const);

export function contextOf(options: FakeOptions = {}): {
  context: Context;
  engine: FakeEngine;
  events: ProgressEvent[];
  abort: AbortController;
} {
  const engine = createFakeEngine({ images: IMAGES, ...options });
  const events: ProgressEvent[] = [];
  const abort = new AbortController();
  const context = {
    engine,
    emit: (event: ProgressEvent) => events.push(event),
    signal: abort.signal,
    clock: () => 1_000,
    version: '1',
  };
  return { context: context as Context, engine, events, abort };
}

export const target = (project: Project) => ({ name: project.name, project });
export const statuses = (engine: FakeEngine) =>
  Object.fromEntries(engine.state().containers.map(({ name, status }) => [name, status]));
