// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of Dockerfiles, not of templates
import { describe, expect, test } from 'vitest';
import { parseDockerfile } from '../../../engine/build/parse.ts';
import {
  declareArgs,
  enterStage,
  globalValues,
  platformArguments,
  runEnvironment,
  scopeValues,
  setEnv,
  unusedArguments,
} from '../../../engine/build/scope.ts';
import { type GraphRequest, stageGraph } from '../../../engine/build/stage-graph.ts';

const read = (text: string) => parseDockerfile(text, 'Dockerfile').dockerfile;
function graph(text: string, more: Partial<GraphRequest> = {}, given: Readonly<Record<string, string>> = {}) {
  const dockerfile = read(text);
  return stageGraph({
    dockerfile,
    globals: globalValues(dockerfile, { given, automatic: { BUILDPLATFORM: 'linux/amd64' } }),
    ...more,
  });
}
const findings = (text: string, more: Partial<GraphRequest> = {}) =>
  graph(text, more).findings.map(({ severity, summary, help }) => `${severity}: ${summary}; ${help}`);

describe('the graph of stages', () => {
  const three =
    'FROM a AS one\nFROM b AS two\nRUN --mount=from=one,target=/x y\nFROM c AS unused\nFROM two\nCOPY --from=0 a b\nCOPY --from=busybox a b';
  test('stages that nobody needs are left out; those of a wave need only earlier ones', () => {
    const { nodes, waves, target } = graph(three);
    expect(nodes.map(({ index, needs }) => [index, needs])).toEqual([
      [0, []],
      [1, [0]],
      [3, [0, 1]],
    ]);
    expect([waves, target]).toEqual([[[0], [1], [3]], 3]);
    expect(nodes[2]?.sources).toEqual([
      { kind: 'stage', index: 0 },
      { kind: 'image', ref: 'busybox' },
    ]);
  });
  test('independent stages stand in one wave', () => {
    expect(graph('FROM x AS a\nFROM x AS b\nFROM scratch\nCOPY --from=a / /\nCOPY --from=b / /').waves).toEqual([
      [0, 1],
      [2],
    ]);
  });
  test('a target is a name in any case, or a number', () => {
    expect([graph(three, { target: 'TWO' }).target, graph(three, { target: '2' }).target]).toEqual([1, 2]);
    expect(findings(three, { target: 'tow' })).toEqual(['error: there is no stage tow to build; did you mean two?']);
  });
  test('FROM knows arguments, given ones first', () => {
    const text = 'ARG v=1\nARG base=img:$v\nFROM --platform=$BUILDPLATFORM ${base}';
    expect(graph(text).nodes[0]).toMatchObject({ base: { kind: 'image', ref: 'img:1' }, platform: 'linux/amd64' });
    expect(graph(text, {}, { v: '2' }).nodes[0]?.base).toEqual({ kind: 'image', ref: 'img:2' });
    expect(findings('FROM $nope')).toEqual([
      'error: FROM $nope names no image; give the ARG a default before the first FROM',
    ]);
  });
  test('circles, numbers beyond and names that were nearly met are told', () => {
    expect(findings('FROM a AS one\nCOPY --from=two x y\nFROM a AS two\nCOPY --from=one x y')).toEqual([
      'error: stages need each other in a circle: one, two; copy in one direction only',
    ]);
    expect(findings('FROM a AS me\nCOPY --from=me x y')).toEqual([
      'error: the stage me copies from itself; what a stage has is there already: use RUN cp',
    ]);
    expect(findings('FROM a\nCOPY --from=7 x y')).toEqual(['error: there is no stage 7; stages are 0 to 0']);
    expect(findings('FROM a AS builder\nFROM a\nCOPY --from=biulder x y')).toEqual([
      'warning: no stage is called biulder, so an image is meant; did you mean builder?',
    ]);
    expect(findings('FROM later\nFROM x AS later\nFROM 0', { target: '0' })[0]).toContain(
      'comes before the stage later',
    );
  });
  test('a context hides stages and images; the last of two stages of one name counts', () => {
    expect(graph('FROM img', { contexts: new Set(['img']) }).nodes[0]?.base).toEqual({ kind: 'context', name: 'img' });
    expect(graph('FROM x AS a\nFROM y AS a\nFROM a').nodes.map(({ index }) => index)).toEqual([1, 2]);
  });
  test('triggers of a stage and of a base image need stages, too', () => {
    expect(graph('FROM x AS tools\nFROM x AS on\nONBUILD COPY --from=tools a b\nFROM on').nodes.at(-1)?.needs).toEqual([
      0, 1,
    ]);
    const triggers = new Map([[1, read('FROM a\nCOPY --from=tools a b').stages[0]!.instructions]]);
    expect(graph('FROM x AS tools\nFROM y', { triggers }).nodes.at(-1)?.needs).toEqual([0]);
  });
});

describe('arguments', () => {
  const args = (given: Readonly<Record<string, string>>) => ({
    given,
    automatic: platformArguments('linux/amd64', 'linux/arm64/v8', 'web'),
  });
  test('what is given wins over the default, that over the value before the first FROM', () => {
    const dockerfile = read('ARG a=1\nARG b=2\nFROM x');
    const globals = globalValues(dockerfile, args({ b: 'given' }));
    const scope = declareArgs(
      enterStage([]),
      [{ name: 'a' }, { name: 'b', value: 'x' }, { name: 'c' }, { name: 'TARGETARCH' }, { name: 'd', value: '4' }],
      globals,
      args({ b: 'given' }),
    );
    expect(Object.fromEntries(scopeValues(scope))).toEqual({ a: '1', b: 'given', TARGETARCH: 'arm64', d: '4' });
    expect(scopeValues(enterStage([])).has('a')).toBe(false);
  });
  test('a step gets ENV, ARG and proxies; history and cache know no proxies', () => {
    const given = args({ http_proxy: 'http://p', HTTPS_PROXY: 'q' });
    const scope = setEnv(
      declareArgs(
        enterStage(['PATH=/x']),
        [
          { name: 'v', value: '1' },
          { name: 'e', value: '2' },
        ],
        new Map(),
        given,
      ),
      [['e', '3']],
    );
    const { process, keyed, shown } = runEnvironment(scope, given);
    expect(process).toEqual({ PATH: '/x', v: '1', e: '3', http_proxy: 'http://p', HTTPS_PROXY: 'q' });
    expect([keyed, shown]).toEqual([{ PATH: '/x', v: '1', e: '3' }, ['v=1']]);
  });
  test('arguments that nobody declares are told', () => {
    expect(
      unusedArguments(
        read('ARG a\nFROM x\nARG b'),
        args({ a: '', b: '', c: '', no_proxy: '', SOURCE_DATE_EPOCH: '0' }),
      ),
    ).toEqual(['c']);
  });
});
