/** What is shown of containers: rows, lines, ends. */
import { describe, expect, test } from 'vitest';
import type { ContainerChange, LogLine, LogOptions } from '../../../src/model/engine.ts';
import { TcomposeError } from '../../../src/model/errors.ts';
import type { LiveContainer } from '../../../src/model/live.ts';
import { type AttachEvent, attach } from '../../../src/operations/attach.ts';
import type { Context } from '../../../src/operations/context.ts';
import { exec } from '../../../src/operations/exec.ts';
import { logs } from '../../../src/operations/logs.ts';
import { ls } from '../../../src/operations/ls.ts';
import { port } from '../../../src/operations/port.ts';
import { ps } from '../../../src/operations/ps.ts';
import { durationWords, isEarlier, sizeWords, statusWords } from '../../../src/operations/words.ts';
import { desire } from '../../../src/plan/desire.ts';
import { createFakeEngine } from '../../helpers/fake-engine.ts';
import { applied, ended, fakeImage, MADE_AT } from '../../helpers/fake-live.ts';
import { projectOf } from '../../helpers/project.ts';

const TEXT =
  'name: shop\nservices:\n  web: {image: nginx, command: nginx -g "daemon off;", ports: ["127.0.0.1:8080:80"]}\n  db: {image: pg, scale: 2, volumes: ["data:/d"]}\nvolumes: {data: }\n';

async function running(changes: Readonly<Record<string, Partial<LiveContainer>>> = {}) {
  const project = await projectOf(TEXT);
  const images = new Map(['nginx', 'pg'].map((ref) => [ref, fakeImage(ref)]));
  const live = applied(desire(project, images).state);
  const containers = live.containers.map((one) => ({ ...one, ...changes[one.name] }));
  const engine = createFakeEngine({ live: { ...live, containers } });
  const clock = () => Date.parse(MADE_AT) + 180_000;
  const context: Context = { engine, emit: () => undefined, signal: new AbortController().signal, clock, version: '1' };
  return { context, engine, project, target: { name: 'shop', project } };
}

const line = (time: string, text: string): LogLine => ({ stream: 'stdout', time, text: Buffer.from(text) });
const all = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const result: T[] = [];
  for await (const item of items) result.push(item);
  return result;
};

describe('ps', () => {
  test('has docker compose’s keys, and Pid', async () => {
    const { context, target } = await running();
    const [row] = await ps(context, target, { services: ['web'] });
    expect(row).toMatchObject({
      Command: `"nginx -g 'daemon of…"`,
      CreatedAt: '2026-01-01 00:00:00 +0000 UTC',
      ExitCode: 0,
      Health: '',
      Image: 'nginx',
      Name: 'shop-web-1',
      Networks: 'shop_default',
      Pid: 4242,
      Ports: '127.0.0.1:8080->80/tcp',
      Project: 'shop',
      Publishers: [{ URL: '127.0.0.1', TargetPort: 80, PublishedPort: 8080, Protocol: 'tcp' }],
      RunningFor: '3 minutes ago',
      Service: 'web',
      State: 'running',
      Status: 'Up 3 minutes',
    });
    expect(row!.ID).toMatch(/^[0-9a-f]{12}$/);
  });
  test('shows running ones only, unless all or a status is asked for', async () => {
    const { context, target } = await running({ 'shop-db-2': ended(3) });
    const names = async (options: Parameters<typeof ps>[2]) =>
      (await ps(context, target, options)).map(({ Name }) => Name);
    expect(await names({})).toEqual(['shop-db-1', 'shop-web-1']);
    expect(await names({ all: true })).toEqual(['shop-db-1', 'shop-db-2', 'shop-web-1']);
    expect(await names({ statuses: ['exited'] })).toEqual(['shop-db-2']);
    await expect(ps(context, target, { services: ['nope'] })).rejects.toMatchObject({ code: 'no-such-service' });
  });
});

describe('words', () => {
  test.each([
    [500, 'Less than a second'],
    [1500, '1 second'],
    [59_000, '59 seconds'],
    [61_000, 'About a minute'],
    [3_700_000, 'About an hour'],
    [7_200_000, '2 hours'],
    [3 * 86_400_000, '3 days'],
    [20 * 86_400_000, '2 weeks'],
  ])('%d ms are %s', (ms, expected) => expect(durationWords(ms)).toBe(expected));
  test('sizes are decimal with three digits', () => {
    expect([sizeWords(12), sizeWords(187_400_000), sizeWords(1_049_000_000)]).toEqual(['12B', '187MB', '1.05GB']);
  });
  test('a status says how it is, and since when', async () => {
    const { engine } = await running();
    const live = engine.state().containers[0]!;
    const now = Date.parse(MADE_AT) + 5_000;
    expect(statusWords({ ...live, health: 'starting' }, now)).toBe('Up 5 seconds (health: starting)');
    expect(statusWords({ ...live, ...ended(137) }, now)).toBe('Exited (137) 5 seconds ago');
    expect(statusWords({ ...live, status: 'restarting', exitCode: 1, finishedAt: MADE_AT }, now)).toBe(
      'Restarting (1) 5 seconds ago',
    );
  });
  test('times compare although their fractions have different lengths', () => {
    expect(isEarlier('2026-01-01T00:00:00.1Z', '2026-01-01T00:00:00.12Z')).toBe(true);
    expect(isEarlier('2026-01-01T00:00:00Z', '2026-01-01T00:00:00.000000001Z')).toBe(true);
    expect(isEarlier('2026-01-01T00:00:01Z', '2026-01-01T00:00:00.9Z')).toBe(false);
  });
});

describe('logs', () => {
  test('of several containers come in the order of time', async () => {
    const { context, engine, target } = await running();
    engine.lines.set('shop-web-1', [line('2026-01-01T00:00:01Z', 'a'), line('2026-01-01T00:00:03.5Z', 'd')]);
    engine.lines.set('shop-db-1', [line('2026-01-01T00:00:02Z', 'b'), line('2026-01-01T00:00:03.25Z', 'c')]);
    const { sources, batches } = await logs(context, target);
    expect(sources.map(({ prefix }) => prefix)).toEqual(['db-1', 'db-2', 'web-1']);
    const shown = (await all(batches)).flatMap(({ source, lines }) =>
      lines.map(({ text }) => `${source.prefix} ${text}`),
    );
    expect(shown).toEqual(['web-1 a', 'db-1 b', 'db-1 c', 'web-1 d']);
  });
  test('of one replica need its service', async () => {
    const { context, target } = await running();
    expect(
      (await logs(context, target, { services: ['db'], index: 2 })).sources.map(({ container }) => container),
    ).toEqual(['shop-db-2']);
    await expect(logs(context, target, { index: 2 })).rejects.toMatchObject({ code: 'usage' });
  });
});

/** As the engine does for the drivers none, syslog and journald. */
function keepNothing(engine: Context['engine'], name: string): Context['engine'] {
  async function* readLogs(...request: Parameters<Context['engine']['containers']['readLogs']>) {
    if (request[0] === name)
      throw new TcomposeError(`the log of container ${name} is not kept`, { code: 'log-not-kept' });
    yield* engine.containers.readLogs(...request);
  }
  return { ...engine, containers: { ...engine.containers, readLogs } };
}

describe('where the log of one container is not kept', () => {
  const noticed = async () => {
    const { context, engine, target } = await running();
    const warnings: string[] = [];
    const emit: Context['emit'] = (event) => void (event.type === 'warning' && warnings.push(event.text));
    return { engine, target, warnings, context: { ...context, engine: keepNothing(engine, 'shop-web-1'), emit } };
  };
  test.each([false, true])('logs shows the others and warns (follow: %s)', async (follow) => {
    const { context, engine, target, warnings } = await noticed();
    engine.lines.set('shop-db-1', [line('2026-01-01T00:00:02Z', 'b')]);
    const { batches } = await logs(context, target, { follow, untilMs: context.clock() });
    expect((await all(batches)).map(({ source }) => source.prefix)).toEqual(['db-1']);
    expect(warnings).toEqual(['the log of container shop-web-1 is not kept']);
  });
  test('attach still tells how it ends', async () => {
    const { context, warnings } = await noticed();
    async function* watch(): AsyncGenerator<ContainerChange> {
      yield { status: 'exited', exitCode: 3, health: 'none', restartCount: 0 };
    }
    const find = async () => undefined;
    const engine = { ...context.engine, containers: { ...context.engine.containers, watch, find } };
    const source = { container: 'shop-web-1', service: 'web', prefix: 'web-1' };
    const options = { project: 'shop', sinceMs: 0, signal: new AbortController().signal };
    const events = await all(attach({ ...context, engine }, [source], options));
    expect(events).toEqual([{ kind: 'exited', source, exitCode: 3, restarting: false }]);
    expect(warnings).toEqual(['the log of container shop-web-1 is not kept']);
  });
});

describe('attach', () => {
  const source = { container: 'shop-web-1', service: 'web', prefix: 'web-1' };
  const change = (status: ContainerChange['status'], exitCode = 0): ContainerChange => ({
    status,
    exitCode,
    health: 'none',
    restartCount: 0,
  });
  const texts = (events: readonly AttachEvent[]) =>
    events.map((event) =>
      event.kind === 'lines'
        ? event.lines.map(({ text }) => `${text}`).join(' ')
        : event.kind === 'exited'
          ? `exit ${event.exitCode}${event.restarting ? ' again' : ''}`
          : event.kind,
    );

  /** `rest`: what was written and not yet read when the end came. */
  async function attached(
    first: readonly LogLine[],
    rest: readonly LogLine[],
    changes: AsyncIterable<ContainerChange>,
  ) {
    const { context, engine } = await running();
    const containers = {
      ...engine.containers,
      watch: () => changes,
      find: async () => undefined,
      readLogs: async function* (_: string, { end }: LogOptions) {
        yield first;
        if (!end!.aborted) await new Promise((resolve) => end!.addEventListener('abort', resolve));
        yield rest;
      },
    };
    const options = { project: 'shop', sinceMs: 0, signal: new AbortController().signal };
    return texts(await all(attach({ ...context, engine: { ...engine, containers } }, [source], options)));
  }

  async function* ending(change: ContainerChange) {
    yield change;
  }

  test('shows the last words of a container before its end, and none twice', async () => {
    const [a, b, c] = [
      line('2026-01-01T00:00:01Z', 'a'),
      line('2026-01-01T00:00:01Z', 'b'),
      line('2026-01-01T00:00:02Z', 'c'),
    ];
    const changes = (async function* () {
      yield change('running');
      await new Promise((resolve) => setTimeout(resolve, 5));
      yield change('exited', 3);
    })();
    expect(await attached([a], [b, c], changes)).toEqual(['a', 'b c', 'exit 3']);
  });
  test('goes on over restarts', async () => {
    const changes = (async function* () {
      yield change('running');
      yield change('restarting', 1);
      yield change('running');
      yield change('exited', 0);
    })();
    expect(await attached([], [], changes)).toEqual(['exit 1 again', 'exit 0']);
  });
  test('sees the end of what ended before it looked', async () => {
    expect(await attached([], [line(MADE_AT, 'x')], ending(change('exited', 0)))).toEqual(['x', 'exit 0']);
  });
  test('ends when a container is removed', async () => {
    expect(
      await attached(
        [],
        [],
        (async function* () {
          yield change('running');
        })(),
      ),
    ).toEqual(['removed']);
  });
});

describe('exec, port and ls', () => {
  test('exec runs in the first replica and gives its exit code', async () => {
    const { context, engine, target } = await running();
    expect(await exec(context, target, { service: 'db', argv: ['ls', '-l'], tty: false, interactive: false })).toBe(7);
    expect(engine.calls).toEqual(['containers.exec shop-db-1 ls -l']);
  });
  test('exec in what does not run says so', async () => {
    const { context, target } = await running({ 'shop-db-2': ended(0) });
    const options = { service: 'db', index: 2, argv: ['ls'], tty: false, interactive: false };
    await expect(exec(context, target, options)).rejects.toThrow('service "db" is not running container #2');
  });
  test('port gives the address on the host', async () => {
    const { context, target } = await running();
    expect(await port(context, target, { service: 'web', port: 80 })).toBe('127.0.0.1:8080');
    await expect(port(context, target, { service: 'web', port: 81 })).rejects.toThrow(
      'no port 81/tcp for container shop-web-1',
    );
  });
  test('ls counts by status, the stopped ones only when asked for', async () => {
    const { context, project } = await running({ 'shop-db-2': ended(0) });
    const row = { Name: 'shop', Status: 'running(2)', ConfigFiles: project.files.join(',') };
    expect(await ls(context)).toEqual([row]);
    expect(await ls(context, { all: true })).toEqual([{ ...row, Status: 'exited(1), running(2)' }]);
    expect(await ls(context, { name: '^other' })).toEqual([]);
  });
});
