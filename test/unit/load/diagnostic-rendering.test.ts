/** Findings as people, editors and GitHub read them. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { renderDiagnostics, workTree } from '../../../src/cli/ui/diagnostic.ts';
import type { Diagnostic } from '../../../src/model/diagnostic.ts';

const at = { file: '/p/compose.yaml', start: { line: 2, column: 3 }, end: { line: 2, column: 7 } };
const one: Diagnostic = {
  code: 'unknown-key',
  severity: 'error',
  summary: 'service web has no setting "imag"',
  at,
  label: 'unknown',
  help: 'did you mean "image"?',
  related: [{ at: { ...at, start: { line: 1, column: 1 } }, label: 'in here' }],
};
const texts = new Map([['/p/compose.yaml', 'services:\n  imag: x\n']]);
const style = { cwd: '/p', colour: false, texts };

test('people see the line, the mark, what goes with it, and what to do', () => {
  expect(renderDiagnostics([one], 'human', style)).toBe(`error[unknown-key]: service web has no setting "imag"
  compose.yaml:2:3
  2 |   imag: x
    |   ^^^^ unknown
  compose.yaml:1:1  in here
  help: did you mean "image"?
`);
});

test('colours are there when asked for, and only around our own words', () => {
  const text = renderDiagnostics([one], 'human', { ...style, colour: true });
  expect(text).toContain('\x1b[31merror[unknown-key]\x1b[0m: service web');
});

test('escape sequences of the user never reach the terminal', () => {
  const text = renderDiagnostics([{ ...one, summary: 'bad \x1b[2J\u202e name' }], 'human', {
    ...style,
    texts: new Map([['/p/compose.yaml', 'x\n  \x1b[31mred\n']]),
  });
  expect(text).not.toMatch(/[\x1b\u202e]/);
});

test('a mark on a long line is shown with what is around it', () => {
  const long = `${' '.repeat(300)}here`;
  const text = renderDiagnostics(
    [{ ...one, at: { ...at, start: { line: 1, column: 301 }, end: { line: 1, column: 305 } } }],
    'human',
    {
      ...style,
      texts: new Map([['/p/compose.yaml', long]]),
    },
  );
  const [, , line, marker] = text.split('\n');
  expect(line!.indexOf('here')).toBe(marker!.indexOf('^^^^'));
});

test('programs get JSON with the position', () => {
  expect(JSON.parse(renderDiagnostics([one], 'json', style))).toMatchObject([
    { severity: 'error', code: 'unknown-key', message: one.summary, file: at.file, start: at.start, end: at.end },
  ]);
});

test('GitHub gets annotation lines, escaped as it asks', () => {
  expect(
    renderDiagnostics(
      [
        { ...one, help: 'a: 100%\nb' },
        { code: 'no-compose-file', severity: 'warning', summary: 's' },
      ],
      'github',
      style,
    ),
  ).toBe(
    '::error file=compose.yaml,line=2,col=3,endLine=2,endColumn=7,title=unknown-key::service web has no setting "imag"%0Aa: 100%25%0Ab\n' +
      '::warning title=no-compose-file::s\n',
  );
});

test('annotations name files from the root of the work tree, wherever the command ran', () => {
  const file = '/repo/deploy/far/down/compose.yaml';
  const annotated = (root: string) =>
    renderDiagnostics([{ ...one, at: { ...at, file } }], 'github', { ...style, cwd: '/repo/deploy', root });
  expect(annotated('/repo')).toContain('file=deploy/far/down/compose.yaml,');
  expect(annotated('/repo/deploy/other')).toContain(`file=${file},`);
});

test('the work tree is the workspace of the run, the nearest repository, or the current folder', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tcompose-tree-'));
  mkdirSync(join(folder, 'a', 'b', 'c'), { recursive: true });
  expect(workTree(join(folder, 'a'), {})).toBe(join(folder, 'a'));
  mkdirSync(join(folder, 'a', '.git'));
  expect(workTree(join(folder, 'a', 'b', 'c'), {})).toBe(join(folder, 'a'));
  expect(workTree(join(folder, 'a'), { GITHUB_WORKSPACE: folder })).toBe(folder);
  rmSync(folder, { recursive: true });
});
