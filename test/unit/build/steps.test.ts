// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of Dockerfiles, not of templates
import { describe, expect, test } from 'vitest';
import { baseKey, type CopyStep, type RunStep, stepKey } from '../../../engine/build/cache-key.ts';
import { expandInstruction } from '../../../engine/build/expand-instruction.ts';
import { historyLine } from '../../../engine/build/history-line.ts';
import { applyInstruction, enterImage, type ImageState, SCRATCH } from '../../../engine/build/image-steps.ts';
import { parseDockerfile } from '../../../engine/build/parse.ts';
import { declareArgs, enterStage, scopeValues, setEnv } from '../../../engine/build/scope.ts';

/** The last stage, applied to a base: what the builder does, without files. */
function build(text: string, base: ImageState = SCRATCH) {
  const { dockerfile, findings } = parseDockerfile(`FROM base\n${text}`, 'Dockerfile');
  expect(findings.filter(({ severity }) => severity === 'error')).toEqual([]);
  const entered = enterImage(base);
  let state = entered.state;
  let scope = enterStage(state.config.Env ?? []);
  const history: string[] = [];
  for (const instruction of dockerfile.stages[0]!.instructions) {
    const body = expandInstruction(instruction, scopeValues(scope), '\\');
    history.push(...[historyLine(body, state, [])?.createdBy ?? []].flat());
    if (body.kind === 'ARG') scope = declareArgs(scope, body.args, new Map(), { given: {}, automatic: {} });
    if (body.kind === 'ENV') scope = setEnv(scope, body.pairs);
    state = applyInstruction(state, body);
  }
  return { state, config: state.config, history, triggers: entered.triggers };
}

describe('the configuration', () => {
  test('ENV keeps its place and sees the values from before it', () => {
    expect(build('ENV a=1 b=2\nENV a=3 c=$a d=${x:-$b}').config.Env?.slice(1)).toEqual(['a=3', 'b=2', 'c=1', 'd=2']);
  });
  test('ENV wins over ARG of the same name', () => {
    expect(build('ARG a=1\nENV b=$a\nENV a=2\nARG a=3\nLABEL l=$a$b').config.Labels).toEqual({ l: '21' });
  });
  test('ENTRYPOINT drops the command of the base, and keeps one of its own', () => {
    const base: ImageState = { ...SCRATCH, config: { Cmd: ['theirs'], Entrypoint: ['e'] } };
    expect(build('ENTRYPOINT ["x"]', base).config).toMatchObject({ Entrypoint: ['x'] });
    expect(build('ENTRYPOINT ["x"]', base).config).not.toHaveProperty('Cmd');
    expect(build('CMD ["own"]\nENTRYPOINT ["x"]', base).config.Cmd).toEqual(['own']);
    expect(build('ENTRYPOINT []', base).config).not.toHaveProperty('Entrypoint');
  });
  test('a line goes to the SHELL that counts where it stands', () => {
    const { config } = build('CMD a b\nSHELL ["/bin/bash", "-ec"]\nENTRYPOINT c d');
    expect([config.Cmd, config.Entrypoint]).toEqual([
      ['/bin/sh', '-c', 'a b'],
      ['/bin/bash', '-ec', 'c d'],
    ]);
  });
  test('WORKDIR joins what was before', () => {
    expect(build('WORKDIR a\nWORKDIR b/\nWORKDIR ../c').config.WorkingDir).toBe('/a/c');
    expect(build('ENV d=/x\nWORKDIR $d/y\nWORKDIR /z/').config.WorkingDir).toBe('/z');
  });
  test('EXPOSE knows ranges, protocols and values of several words', () => {
    expect(Object.keys(build('ENV p="80 81/UDP"\nEXPOSE $p 9000-9002 1:2').config.ExposedPorts ?? {})).toEqual([
      '80/tcp',
      '81/udp',
      '9000/tcp',
      '9001/tcp',
      '9002/tcp',
      '2/tcp',
    ]);
    expect(() => build('EXPOSE x')).toThrow('is no port');
    expect(() => build('EXPOSE 70000')).toThrow('is no port');
  });
  test('HEALTHCHECK, VOLUME, USER, STOPSIGNAL, LABEL, MAINTAINER', () => {
    const { config, state } = build(
      'HEALTHCHECK --interval=2s CMD x\nVOLUME /a ["/b"\nUSER a:b\nSTOPSIGNAL SIGRTMIN+3\nLABEL a=1 "b c"="d e"\nMAINTAINER me',
    );
    expect(config).toMatchObject({
      Healthcheck: { Test: ['CMD-SHELL', 'x'], Interval: 2e9 },
      User: 'a:b',
      StopSignal: 'SIGRTMIN+3',
      Labels: { a: '1', 'b c': 'd e' },
    });
    expect(state.author).toBe('me');
    expect(() => build('STOPSIGNAL SIGNOPE')).toThrow('no signal');
    expect(build('USER a\nUSER $nobody\nWORKDIR /w\nWORKDIR $nobody').config).toMatchObject({
      User: '',
      WorkingDir: '/w',
    });
    expect(() => build('STOPSIGNAL $nobody')).toThrow('no signal');
    expect(() => build('VOLUME $nobody')).toThrow('needs a path');
  });
  test('triggers are the next stage’s to run, and its image has none of them', () => {
    const { state } = build('ONBUILD RUN make\nONBUILD COPY . /src');
    expect(state.config.OnBuild).toEqual(['RUN make', 'COPY . /src']);
    const child = build('USER x', state);
    expect([child.triggers, child.config.OnBuild]).toEqual([['RUN make', 'COPY . /src'], undefined]);
  });
  test('history says what BuildKit says', () => {
    const text =
      'ARG v=1\nENV a=1 b="x y"\nRUN echo $a\nRUN ["a","b"]\nCOPY --chown=1 a b /c/\nWORKDIR w\nCMD ["a"]\nENTRYPOINT a\nEXPOSE 82 80-81/udp\nVOLUME /v\nHEALTHCHECK --interval=90s --retries=3 CMD x\nUSER u\nSTOPSIGNAL 9\nSHELL ["/bin/bash","-c"]\nONBUILD RUN x';
    expect(build(text).history).toMatchSnapshot();
  });
});

describe('cache keys', () => {
  const run: RunStep = {
    argv: ['a'],
    documents: [],
    env: { A: '1', B: '2' },
    workingDir: '/',
    user: '',
    network: 'default',
    security: 'sandbox',
    devices: [],
    platform: 'linux/amd64',
    mounts: [],
    hosts: [],
  };
  const copy: CopyStep = {
    target: '/a',
    contents: [{ name: 'x', digest: 'd' }],
    parents: false,
    unpack: false,
    link: false,
  };
  const key = (step: Partial<RunStep>, parent = baseKey([])) =>
    stepKey(parent, { kind: 'run', step: { ...run, ...step } });
  const copied = (step: Partial<CopyStep>, parent = baseKey([])) =>
    stepKey(parent, { kind: 'copy', step: { ...copy, ...step } });

  test('whatever a step can see is part of its key', () => {
    const mount = { type: 'cache', target: '/c', readOnly: false, required: false } as const;
    const bind = { type: 'bind', target: '/c', readOnly: true, required: false } as const;
    const keys = [
      key({}),
      key({}, baseKey(['sha256:x'])),
      key({ argv: ['b'] }),
      key({ documents: ['x'] }),
      key({ env: { A: '1' } }),
      key({ workingDir: '/w' }),
      key({ user: 'u' }),
      key({ network: 'none' }),
      key({ security: 'insecure' }),
      key({ devices: ['d'] }),
      key({ platform: 'linux/arm64' }),
      key({ hosts: ['a:1'] }),
      key({ mounts: [{ mount }] }),
      key({ mounts: [{ mount: bind, content: 'x' }] }),
      key({ mounts: [{ mount: bind, content: 'y' }] }),
      copied({}),
      copied({ target: '/a/' }),
      copied({ contents: [{ name: 'x', digest: 'e' }] }),
      copied({ owner: '1:1' }),
      copied({ mode: '0755' }),
      copied({ link: true }),
      stepKey(baseKey([]), { kind: 'workdir', path: '/a', owner: '0:0' }),
    ];
    expect(new Set(keys).size).toBe(keys.length);
  });
  test('what it cannot see is not: the order of variables, whose cache it is, the base below a link', () => {
    const cache = (id: string) => [
      { mount: { type: 'cache', target: '/c', id, readOnly: false, required: false } as const },
    ];
    expect(key({ env: { B: '2', A: '1' } })).toBe(key({}));
    expect(key({ mounts: cache('a') })).toBe(key({ mounts: cache('b') }));
    expect(copied({ link: true }, baseKey(['sha256:x']))).toBe(copied({ link: true }));
    expect(copied({}, baseKey(['sha256:x']))).not.toBe(copied({}));
  });
});
