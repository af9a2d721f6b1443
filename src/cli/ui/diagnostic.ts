/** Prints findings about the user's files: code frames for people, JSON for programs, annotation lines for GitHub. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import type { Diagnostic } from '../../model/diagnostic.ts';
import type { SourceRange } from '../../model/source.ts';

export type DiagnosticFormat = 'human' | 'json' | 'github';

export interface DiagnosticStyle {
  readonly cwd: string;
  readonly colour: boolean;
  /** Of the work tree that GitHub shows: annotations name their files from there. */
  readonly root?: string;
  /** Text of a file that cannot be read again: standard input. */
  readonly texts?: ReadonlyMap<string, string>;
}

export function renderDiagnostics(
  found: readonly Diagnostic[],
  format: DiagnosticFormat,
  style: DiagnosticStyle,
): string {
  if (format === 'json') return `${JSON.stringify(found.map(portable), undefined, 2)}\n`;
  if (format === 'github') return found.map((diagnostic) => `${annotation(diagnostic, style)}\n`).join('');
  const texts = new Map(style.texts);
  return found.map((diagnostic) => `${human(diagnostic, style, texts)}\n`).join('\n');
}

function portable(diagnostic: Diagnostic): object {
  const { code, severity, summary, at, label, help, related } = diagnostic;
  return { severity, code, message: summary, ...(at && placeOf(at)), label, help, related };
}

function placeOf({ shown: _, ...at }: SourceRange): Omit<SourceRange, 'shown'> {
  return at;
}

/** https://docs.github.com/actions: newlines and per cent signs are escaped, commas and colons too in properties. */
function annotation({ severity, code, summary, at, help }: Diagnostic, style: DiagnosticStyle): string {
  const properties = [
    ...(at
      ? [
          ['file', fromRoot(at, style.root ?? style.cwd)],
          ['line', String(at.start.line)],
          ['col', String(at.start.column)],
          ['endLine', String(at.end.line)],
          ['endColumn', String(at.end.column)],
        ]
      : []),
    ['title', code],
  ];
  const list = properties.map(
    ([key, value]) => `${key}=${escapeData(value!).replaceAll(':', '%3A').replaceAll(',', '%2C')}`,
  );
  return `::${severity} ${list.join(',')}::${escapeData(help === undefined ? summary : `${summary}\n${help}`)}`;
}

/** What lies outside of the work tree cannot be annotated; its whole path still says what is meant. */
function fromRoot(at: SourceRange, root: string): string {
  if (at.copy !== undefined || at.file === '-') return shortPath(at, root);
  const path = relative(root, at.file);
  return path.startsWith('../') ? at.file : path;
}

/** Where GitHub's paths begin: the workspace of the run, or else the nearest folder with a repository. */
export function workTree(cwd: string, env: Readonly<Record<string, string | undefined>>): string {
  if (env['GITHUB_WORKSPACE']) return env['GITHUB_WORKSPACE'];
  for (let folder = cwd; ; folder = dirname(folder)) {
    if (existsSync(join(folder, '.git'))) return folder;
    if (folder === dirname(folder)) return cwd;
  }
}

function escapeData(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function human(diagnostic: Diagnostic, style: DiagnosticStyle, texts: Map<string, string>): string {
  const { code, severity, at, label, related = [] } = diagnostic;
  const summary = shortened(diagnostic.summary, style);
  const help = diagnostic.help === undefined ? undefined : shortened(diagnostic.help, style);
  const tone = severity === 'error' ? RED : YELLOW;
  const lines = [`${paint(style, tone, `${severity}[${code}]`)}: ${printable(summary)}`];
  if (at !== undefined) lines.push(...frame(at, label, tone, style, texts));
  for (const other of related) lines.push(`  ${place(other.at, style)}  ${printable(other.label)}`);
  if (help !== undefined) lines.push(`  ${paint(style, CYAN, 'help')}: ${printable(help)}`);
  return lines.join('\n');
}

/** Paths inside the working directory are relative to it. */
function shortened(text: string, { cwd }: DiagnosticStyle): string {
  return text.replaceAll(`${cwd}/`, '');
}

const RED = 31;
const YELLOW = 33;
const CYAN = 36;

function paint(style: DiagnosticStyle, tone: number, text: string): string {
  return style.colour ? `\x1b[${tone}m${text}\x1b[0m` : text;
}

/** The user's text may hold escape sequences; a terminal must not see them. */
function printable(text: string): string {
  return text.replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g, '\ufffd');
}

function place(at: SourceRange, style: DiagnosticStyle): string {
  return `${shortPath(at, style.cwd)}:${at.start.line}:${at.start.column}`;
}

/** Relative where that is shorter and does not climb. An address is no path. */
function shortPath({ file, copy }: SourceRange, cwd: string): string {
  if (copy !== undefined) return printable(file);
  if (file === '-') return 'standard input';
  const short = relative(cwd, file);
  return short === '' || short.startsWith('../../') ? file : short;
}

const MAX_WIDTH = 160;

function frame(
  at: SourceRange,
  label: string | undefined,
  tone: number,
  style: DiagnosticStyle,
  texts: Map<string, string>,
): string[] {
  const head = `  ${place(at, style)}`;
  const line = lineOf(at, texts);
  if (line === undefined) return [head];
  const number = String(at.start.line);
  const gutter = ' '.repeat(number.length);
  // A long line is shown from shortly before the mark.
  const from = at.start.column > MAX_WIDTH - 40 ? at.start.column - 40 : 0;
  const shown = printable(line.slice(from, from + MAX_WIDTH).replaceAll('\t', ' '));
  const end = at.end.line === at.start.line ? at.end.column : line.trimEnd().length + 1;
  const width = Math.max(1, Math.min(end - at.start.column, shown.length + from - at.start.column + 1));
  const marker = `${' '.repeat(at.start.column - 1 - from)}${paint(style, tone, '^'.repeat(width))}${label === undefined ? '' : ` ${printable(label)}`}`;
  return [head, `  ${number} | ${shown}`, `  ${gutter} | ${marker}`];
}

function lineOf(at: SourceRange, texts: Map<string, string>): string | undefined {
  if (at.shown !== undefined) return at.shown.replace(/\r$/, '');
  const path = at.copy ?? at.file;
  let text = texts.get(path);
  if (text === undefined) {
    try {
      text = readFileSync(path, 'utf8');
    } catch {
      return undefined;
    }
    texts.set(path, text);
  }
  return text.split('\n', at.start.line)[at.start.line - 1]?.replace(/\r$/, '');
}
