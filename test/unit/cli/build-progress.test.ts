/** Builds on the screen: BuildKit's lines, rows of a terminal, JSON; and nothing of what a build prints reaches the terminal raw. */
import { describe, expect, test } from 'vitest';
import { buildJson, layerJson, rawJson } from '../../../src/cli/ui/build-json.ts';
import { createBuildLines } from '../../../src/cli/ui/build-plain.ts';
import { layerLines, stepLines } from '../../../src/cli/ui/build-rows.ts';
import { createBuildSteps, plainText } from '../../../src/cli/ui/build-steps.ts';
import { fitRows } from '../../../src/cli/ui/progress-rows.ts';
import type { BuildEvent } from '../../../src/model/build.ts';
import type { Step } from '../../../src/model/plan.ts';

const owner = (service: string): Step => ({
  id: `image.build shop-${service}`,
  action: { kind: 'image.build', image: `shop-${service}`, service, build: {} as never },
  after: [],
  because: [],
});
const web = owner('web');
type State = Extract<BuildEvent, { type: 'step' }>['state'];
const step = (id: string, title: string, state: State, more = {}): BuildEvent => ({
  type: 'step',
  step: { id, title },
  state,
  ...more,
});
const output = (id: string, text: string): BuildEvent => ({
  type: 'output',
  step: id,
  stream: 'stdout',
  bytes: Buffer.from(text),
});

/** A clock that the test moves. */
function screen() {
  const time = { now: 0 };
  const steps = createBuildSteps(() => time.now);
  return { time, steps, lines: createBuildLines(steps, () => time.now) };
}

const FAILING: readonly (readonly [number, BuildEvent])[] = [
  [0, step('1', '[internal] load build definition from Dockerfile', 'started')],
  [10, step('1', '[internal] load build definition from Dockerfile', 'done', { elapsedMs: 10 })],
  [10, step('2', '[1/3] FROM debian', 'cached')],
  [20, step('3', '[2/3] RUN make', 'started')],
  [143, output('3', 'one\ntw')],
  [200, output('3', 'o\r\nbar 1%\rbar 2%\r')],
  [300, output('3', '\x1b[31mred\x1b[0m \x07\x1b]0;title\x07\n')],
  [400, step('3', '[2/3] RUN make', 'failed', { elapsedMs: 380, error: 'exit code 2' })],
  [400, step('4', '[3/3] COPY a b', 'canceled', { elapsedMs: 0 })],
];

describe('plain', () => {
  test('is what BuildKit prints: number, title, output with seconds, how it ended; a failure shows the end of the output', () => {
    const { time, lines } = screen();
    const text = FAILING.map(([at, event]) => {
      time.now = at;
      return lines.take(web, event);
    });
    expect([...text, lines.finish()].join('')).toMatchInlineSnapshot(`
      "#1 [internal] load build definition from Dockerfile
      #1 DONE 0.0s

      #2 [1/3] FROM debian
      #2 CACHED

      #3 [2/3] RUN make
      #3 0.123 one
      #3 0.180 two
      #3 0.180 bar 1%
      #3 0.280 bar 2%
      #3 0.280 red \\x07
      #3 ERROR: exit code 2
      ------
       > [2/3] RUN make:
      0.123 one
      0.180 two
      0.180 bar 1%
      0.280 bar 2%
      0.280 red \\x07
      ------

      #4 [3/3] COPY a b
      #4 CANCELED

      "
    `);
  });

  test('keeps the lines of a step together, and turns to another when one has been silent for long', () => {
    const { time, lines } = screen();
    const text: string[] = [];
    const at = (ms: number, event: BuildEvent) => {
      time.now = ms;
      text.push(lines.take(web, event));
    };
    at(0, step('1', '[a 1/2] RUN a', 'started'));
    at(0, step('2', '[b 1/2] RUN b', 'started'));
    at(100, output('1', 'a1\n'));
    at(200, output('2', 'b1\n'));
    at(300, output('1', 'a2\n'));
    expect(text.join('')).not.toContain('b1');
    at(6000, output('2', 'b2\n'));
    at(6100, step('1', '[a 1/2] RUN a', 'done', { elapsedMs: 6100 }));
    at(6200, step('2', '[b 1/2] RUN b', 'done', { elapsedMs: 6200 }));
    expect([...text, lines.finish()].join('')).toMatchInlineSnapshot(`
      "#1 [a 1/2] RUN a
      #1 0.100 a1
      #1 0.300 a2
      #1 ...

      #2 [b 1/2] RUN b
      #2 0.200 b1
      #2 6.000 b2
      #2 DONE 6.2s

      #1 [a 1/2] RUN a
      #1 DONE 6.1s

      "
    `);
  });

  test('of several builds says whose step it is', () => {
    const { steps, lines } = screen();
    steps.expect([web, owner('api')]);
    expect(lines.take(web, step('1', '[2/3] RUN make', 'cached'))).toContain('#1 [web 2/3] RUN make\n#1 CACHED\n');
    expect(lines.take(owner('api'), step('1', 'exporting to image', 'cached'))).toContain(
      '#2 [api] exporting to image\n',
    );
  });

  test('a character that is cut in two is put together', () => {
    const { lines } = screen();
    const [first, second] = [Buffer.from('ö\n').subarray(0, 1), Buffer.from('ö\n').subarray(1)];
    lines.take(web, step('1', 't', 'started'));
    lines.take(web, { type: 'output', step: '1', stream: 'stdout', bytes: first });
    expect(lines.take(web, { type: 'output', step: '1', stream: 'stdout', bytes: second })).toContain(' ö\n');
  });
});

test('on a terminal the running step has its last lines beneath it, and at the end there is one line a step', () => {
  const { time, steps } = screen();
  for (const [at, event] of FAILING.slice(0, 6)) {
    time.now = at;
    steps.take(web, event);
  }
  expect(stepLines(steps.of(web), false, 1000)).toEqual([
    '=> [internal] load build definition from Dockerfile  0.0s',
    '=> CACHED [1/3] FROM debian  0.0s',
    '=> [2/3] RUN make  1.0s',
    '=> => # one',
    '=> => # two',
    '=> => # bar 1%',
  ]);
  for (const [, event] of FAILING.slice(6)) steps.take(web, event);
  expect(stepLines(steps.of(web), true, 1000).slice(2)).toEqual([
    '=> ERROR [2/3] RUN make  0.4s',
    '=> CANCELED [3/3] COPY a b  0.0s',
  ]);
});

test('layers of a pull have a bar each while they come, and those that were here none', () => {
  const layer = (state: 'waiting' | 'pulling' | 'present' | 'done', bytes: number) =>
    ({ layer: `sha256:${state.padEnd(64, '0')}`, state, bytes, total: 2e6 }) as const;
  expect(layerLines([layer('present', 0), layer('done', 2e6), layer('pulling', 1e6), layer('waiting', 0)])).toEqual([
    '=> done00000000 Pull complete',
    '=> pulling00000 Downloading [==========          ] 1.00MB/2.00MB',
    '=> waiting00000 Waiting',
  ]);
  expect(layerJson({ ...web, action: { kind: 'image.pull', image: 'x' } }, layer('pulling', 1e6))).toEqual({
    id: 'pulling00000',
    parent_id: 'Image x',
    step: 'image.build shop-web',
    status: 'Working',
    text: 'Downloading',
    current: 1e6,
    total: 2e6,
  });
});

test('what stands beneath rows gives way first where the terminal is low', () => {
  const rows = ['⠋ Image a  Building', '=> one', '=> two', '=> three', '✔ Image b  Built'];
  expect(fitRows(rows, 3)).toEqual(['⠋ Image a  Building', '=> three', '✔ Image b  Built']);
});

test('json has a line for each step and line of output, beneath the image', () => {
  const { steps } = screen();
  const found = FAILING.flatMap(([, event]) => buildJson(steps, web, event));
  expect(found).toContainEqual(
    expect.objectContaining({ id: '[1/3] FROM debian', parent_id: 'Image shop-web', status: 'Done', text: 'Cached' }),
  );
  expect(found).toContainEqual(expect.objectContaining({ status: 'Working', text: 'two', stream: 'stdout' }));
  expect(found).toContainEqual(expect.objectContaining({ status: 'Error', details: 'exit code 2' }));
});

interface Status {
  readonly vertexes: readonly { readonly digest: string; readonly error?: string }[];
  readonly logs: readonly { readonly vertex: string }[];
}
test('rawjson is a status of BuildKit', () => {
  const { steps } = screen();
  const found = FAILING.map(([, event]) => rawJson(steps, web, event, new Date(0))) as Status[];
  expect(found[2]!.vertexes[0]).toMatchObject({ name: '[1/3] FROM debian', cached: true });
  expect(found[4]!.logs[0]).toMatchObject({ stream: 1, data: Buffer.from('one\ntw').toString('base64') });
  expect(found[4]!.logs[0]!.vertex).toBe(found[3]!.vertexes[0]!.digest);
  expect(found[7]!.vertexes[0]!.error).toBe('exit code 2');
});

test('what would move the cursor or set the title is left out, and other control characters are shown by their code', () => {
  expect(plainText('\x1b[2J\x1b[1;31mred\x1b[0m\x1b]0;owned\x07 \x08\x9b31m \u202eevil')).toBe(
    'red \\x08\\x9b31m \\u202eevil',
  );
});
