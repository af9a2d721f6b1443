// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of Dockerfiles, not of templates
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { InstructionBody } from '../../../engine/build/instruction.ts';
import { parseDockerfile } from '../../../engine/build/parse.ts';
import { goDuration } from '../../../engine/build/split-words.ts';

const parse = (text: string) => parseDockerfile(text, 'Dockerfile');
/** The instructions after `FROM a`, without place and text. */
function read(text: string): readonly InstructionBody[] {
  const { dockerfile, findings } = parse(`FROM a\n${text}`);
  expect(findings.filter(({ severity }) => severity === 'error')).toEqual([]);
  return dockerfile.stages[0]!.instructions.map(({ at: _, text: __, ...body }) => body as InstructionBody);
}
const told = (text: string) =>
  parse(text).findings.map(
    ({ severity, summary, at, help }) =>
      `${severity} ${at?.start.line}:${at?.start.column} ${summary}${help === undefined ? '' : `; ${help}`}`,
  );
const mistakes = (text: string) => told(`FROM a\n${text}`).filter((line) => line.startsWith('error'));
const lineOf = (text: string) => {
  const [body] = read(text);
  return body?.kind === 'RUN' && body.command.form === 'shell' ? body.command.line : undefined;
};

describe('lines of a Dockerfile', () => {
  test('continuations are joined, comments and empty lines within them vanish', () => {
    expect(lineOf('RUN a \\\n  # no\n\n  b \\  \n# no\n  && c')).toBe('a   b   && c');
    expect(told('FROM a\nRUN a \\\n\n b')).toEqual([
      'warning 3:1 an empty line within a continued instruction (NoEmptyContinuation); remove it, or make it a comment',
    ]);
    expect(lineOf('RUN a \\\r\n  b\r\n')).toBe('a   b');
    expect(lineOf('RUN a # b')).toBe('a # b');
    expect(lineOf('RUN a \\')).toBe('a');
  });

  test('a NUL byte is told where it is', () => {
    expect(mistakes('ENV a=b\nENV c=\0')).toEqual([
      'error 3:1 there is a NUL byte in the line; save the Dockerfile as UTF-8 text',
    ]);
  });

  test('the escape character is chosen at the top only', () => {
    expect(parse('# escape=`\nFROM a\nRUN a `\n b\n').dockerfile).toMatchObject({
      escape: '`',
      stages: [{ instructions: [{ text: 'RUN a  b' }] }],
    });
    expect(parse('# hello\n# escape=`\nFROM a').dockerfile.escape).toBe('\\');
    expect(parse('#syntax=docker/dockerfile:1\n# check=skip=all\nFROM a').dockerfile.directives).toEqual({
      syntax: 'docker/dockerfile:1',
      check: 'skip=all',
    });
    expect(told('# escape=x\nFROM a')).toEqual([
      'error 1:1 "x" cannot be the escape character; write a backslash or a backtick',
    ]);
    expect(told('# escape=`\n# escape=`\nFROM a')).toEqual([
      'error 2:1 the parser directive escape is written twice; keep one of them',
    ]);
  });

  test('a byte order mark is no part of the first instruction', () => {
    expect(told('\u{FEFF}FROM a')).toEqual([]);
  });

  test('here-documents keep their lines as they are', () => {
    const [body] = read('RUN <<EOF\n# kept\na \\\nb\nEOF\nUSER x');
    expect(body).toMatchObject({
      command: { line: '<<EOF', documents: [{ name: 'EOF', text: '# kept\na \\\nb\n', expands: true }] },
    });
  });

  test('several here-documents follow in their order; quotes keep variables, a dash drops tabs', () => {
    const [body] = read('COPY <<one <<-"two" /d/\n$a\none\n\t\tx\n\ttwo');
    expect(body).toMatchObject({
      sources: [],
      target: '/d/',
      documents: [
        { name: 'one', text: '$a\n', expands: true },
        { name: 'two', text: 'x\n', expands: false },
      ],
    });
  });

  test('a here-document without end is told, and << of arithmetic is none', () => {
    expect(mistakes('RUN <<EOF\nx')).toEqual([
      'error 2:1 the here-document EOF has no end; write EOF alone on the line after its text',
    ]);
    expect(lineOf('RUN echo $((1 << 2)) "<<EOF"')).toBe('echo $((1 << 2)) "<<EOF"');
    expect(lineOf('RUN cat <<< x')).toBe('cat <<< x');
  });
});

describe('instructions', () => {
  test.each<[string, object]>([
    [
      'ENV a=1 b="2 3" c=x\\ y',
      {
        kind: 'ENV',
        pairs: [
          ['a', '1'],
          ['b', '"2 3"'],
          ['c', 'x\\ y'],
        ],
      },
    ],
    ['env a b c', { kind: 'ENV', pairs: [['a', 'b c']] }],
    ['LABEL "a b"=c', { kind: 'LABEL', pairs: [['"a b"', 'c']] }],
    ['ARG a b=1 c=', { kind: 'ARG', args: [{ name: 'a' }, { name: 'b', value: '1' }, { name: 'c', value: '' }] }],
    ['RUN ["a", "b"]', { kind: 'RUN', command: { form: 'exec', argv: ['a', 'b'] } }],
    ['RUN [ -f x ]', { kind: 'RUN', command: { form: 'shell', line: '[ -f x ]' } }],
    [
      'RUN --mount=type=cache,target=/c --mount=target=/b --network=none --device=a x',
      {
        mounts: ['type=cache,target=/c', 'target=/b'],
        flags: { network: 'none' },
        devices: ['a'],
        command: { line: 'x' },
      },
    ],
    ['RUN --security=insecure -- --x', { flags: { security: 'insecure' }, command: { line: '--x' } }],
    [
      'COPY --from=x --chown=1:2 --chmod=u+x --link --parents --exclude=*.md --exclude=b a b /c/',
      {
        kind: 'COPY',
        sources: ['a', 'b'],
        target: '/c/',
        exclude: ['*.md', 'b'],
        flags: { from: 'x', chown: '1:2', chmod: 'u+x', link: 'true', parents: 'true' },
      },
    ],
    [
      'ADD --keep-git-dir=true --checksum=sha256:00 --unpack=FALSE https://x/y /z',
      { kind: 'ADD', flags: { 'keep-git-dir': 'true', checksum: 'sha256:00', unpack: 'false' } },
    ],
    ['COPY ["a b", "c d"]', { sources: ['a b'], target: 'c d' }],
    ['VOLUME /a /b', { words: ['/a', '/b'] }],
    ['VOLUME ["/a b"]', { words: ['/a b'] }],
    ['EXPOSE 80 81/udp', { words: ['80', '81/udp'] }],
    ['USER a:b', { kind: 'USER', value: 'a:b' }],
    ['WORKDIR /a b', { kind: 'WORKDIR', value: '/a b' }],
    ['STOPSIGNAL 9', { value: '9' }],
    ['MAINTAINER me <me@x>', { value: 'me <me@x>' }],
    ['SHELL ["/bin/bash", "-c"]', { argv: ['/bin/bash', '-c'] }],
    ['CMD a b', { kind: 'CMD', command: { form: 'shell', line: 'a b' } }],
    ['ENTRYPOINT []', { kind: 'ENTRYPOINT', command: { form: 'exec', argv: [] } }],
    ['HEALTHCHECK NONE', { health: { test: ['NONE'] } }],
    [
      'HEALTHCHECK --interval=1m --timeout=3s --start-period=1s --start-interval=2s --retries=4 CMD curl x',
      {
        health: {
          test: ['CMD-SHELL', 'curl x'],
          interval: 60e9,
          timeout: 3e9,
          startPeriod: 1e9,
          startInterval: 2e9,
          retries: 4,
        },
      },
    ],
    ['HEALTHCHECK cmd ["a"]', { health: { test: ['CMD', 'a'] } }],
    [
      'ONBUILD COPY --from=b x /y',
      { kind: 'ONBUILD', trigger: 'COPY --from=b x /y', inner: { kind: 'COPY', flags: { from: 'b' } } },
    ],
    ['ONBUILD RUN <<EOF\nx\nEOF', { trigger: 'RUN <<EOF\nx\nEOF', inner: { kind: 'RUN' } }],
  ])('%s', (text, expected) => {
    expect(read(text)[0]).toMatchObject(expected);
  });

  test('FROM has a platform and a name in lower case; ARG may come before it', () => {
    const { dockerfile } = parse('ARG v=1\nFROM --platform=$BUILDPLATFORM a:$v as Build\nFROM scratch');
    expect(dockerfile.globalArgs).toMatchObject([{ args: [{ name: 'v', value: '1' }] }]);
    expect(dockerfile.stages.map(({ from }) => from)).toMatchObject([
      { image: 'a:$v', name: 'build', platform: '$BUILDPLATFORM' },
      { image: 'scratch' },
    ]);
  });

  test('every mistake is told, with its place and what to do', () => {
    expect(
      told(
        [
          'FROM a as 1x',
          'FROM a',
          'RUM x',
          'COPY a',
          '  COPY --chwon=1 \\',
          '     --frm=2 a b',
          'ENV A',
          'ENV a=1 b',
          'RUN --mount=type=cash,target=/x y',
          'RUN --mount=type=cache y',
          'RUN --mount=type=bind,targt=/x y',
          'RUN --network=bridge y',
          'CMD ["a", 1]',
          'SHELL /bin/sh',
          'HEALTHCHECK --interval=1 CMD x',
          'HEALTHCHECK CMD',
          'ONBUILD FROM x',
          'COPY --from=$x a b',
          'COPY --link=maybe a b',
          'ADD --checksum a b',
          'COPY --chown=1 --chown=2 a b',
          'FROM a b',
        ].join('\n'),
      ),
    ).toMatchSnapshot();
  });

  test('the column of a mistake on a continued line is that of the file', () => {
    expect(mistakes('COPY --chown=1 \\\n   --frm=2 a b')).toEqual([
      'error 3:4 unknown flag of COPY: --frm; did you mean --from?',
    ]);
  });

  test('a file without instructions, without FROM, or too large is told', () => {
    expect(told('# x\n')).toEqual(['error 1:1 the Dockerfile has no instructions; begin with FROM IMAGE']);
    expect(told('ARG x')).toEqual(['error 1:1 the Dockerfile has no FROM; begin with FROM IMAGE']);
    expect(told('RUN x')).toEqual([
      'error 1:1 RUN before the first FROM; begin with FROM IMAGE; only ARG may come before it',
    ]);
    expect(told(`FROM a\n${'#'.repeat(3 << 20)}`)[0]).toContain('larger than');
    expect(told(`FROM a\nRUN ${'x'.repeat(70_000)}`)[0]).toContain('longer than');
    expect(told('FROM a\n'.repeat(501))[0]).toContain('more than 500 stages');
  });

  test('no text makes it throw', () => {
    const piece = fc.constantFrom(
      'FROM a\n',
      'RUN ',
      'COPY ',
      '<<E',
      '\nE\n',
      '\\\n',
      '"',
      "'",
      '--mount=',
      'type=cache',
      ',',
      '$',
      '{',
      '[',
      ']',
      '\n',
      ' ',
      '#',
      'ONBUILD ',
      'HEALTHCHECK ',
      'ENV ',
      '=',
      '--',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 25 }), (pieces) => {
        parse(pieces.join(''));
      }),
      { numRuns: 3000 },
    );
  });
});

test('durations are those of Go', () => {
  expect(['1h2m3.5s', '0', '1.5ms', '.5s', '-1s', '1', '1s x', ''].map(goDuration)).toEqual([
    3723.5e9,
    0,
    1.5e6,
    5e8,
    -1e9,
    undefined,
    undefined,
    undefined,
  ]);
});
