/** Collects what is wrong with the user's files while loading goes on: loading never stops at the first mistake. */
import type { Diagnostic } from '../model/diagnostic.ts';
import type { DiagnosticCode } from './codes.ts';
import { MAX_COUNTED, MAX_FINDINGS, MAX_MESSAGE } from './limits.ts';
import { type Mark, rangeOf } from './tree.ts';

export interface Finding {
  readonly label?: string | undefined;
  /** A function where it costs something to find: it is called only for findings that are kept. */
  readonly help?: string | (() => string | undefined) | undefined;
  readonly related?: readonly { readonly at: Mark; readonly label: string }[] | undefined;
}

export interface Findings {
  error(code: DiagnosticCode, summary: string, at: Mark | undefined, more?: Finding): void;
  warn(code: DiagnosticCode, summary: string, at: Mark | undefined, more?: Finding): void;
  readonly errors: number;
  /** Sorted by file (in order of loading), then position; findings without a place come first. */
  sorted(): readonly Diagnostic[];
}

export function makeFindings(): Findings {
  const found: Diagnostic[] = [];
  const seen = new Set<string>();
  const files: string[] = [];
  let errors = 0;
  let dropped = 0;
  const add = (severity: 'error' | 'warning', code: DiagnosticCode, summary: string, at?: Mark, more?: Finding) => {
    if (dropped > MAX_COUNTED) {
      if (severity === 'error') errors += 1;
      return;
    }
    // A base service extended twice, or a file included twice, is read twice; its mistake is one mistake.
    const place = at === undefined ? '' : `${at.source.file}:${at.start}`;
    const identity = `${code} ${place} ${summary}`;
    if (seen.has(identity)) return;
    seen.add(identity);
    if (severity === 'error') errors += 1;
    if (found.length >= MAX_FINDINGS) {
      dropped += 1;
      return;
    }
    if (at !== undefined && !files.includes(at.source.file)) files.push(at.source.file);
    const help = typeof more?.help === 'function' ? more.help() : more?.help;
    found.push({
      code,
      severity,
      summary: clipped(summary),
      ...(at && { at: rangeOf(at) }),
      ...(more?.label !== undefined && { label: more.label }),
      ...(help !== undefined && { help: clipped(help) }),
      ...(more?.related && { related: more.related.map(({ at, label }) => ({ at: rangeOf(at), label })) }),
    });
  };
  return {
    error: (code, summary, at, more) => add('error', code, summary, at, more),
    warn: (code, summary, at, more) => add('warning', code, summary, at, more),
    get errors() {
      return errors;
    },
    sorted: () => {
      const all = found.toSorted((a, b) => compare(a, b, files));
      if (dropped === 0) return all;
      const summary = `${dropped <= MAX_COUNTED ? dropped : `more than ${MAX_COUNTED}`} further findings are not shown`;
      return [...all, { code: 'too-many', severity: 'warning', summary }];
    },
  };
}

/** A value may be a megabyte long; its two ends say enough. */
function clipped(text: string): string {
  if (text.length <= MAX_MESSAGE) return text;
  return `${text.slice(0, MAX_MESSAGE - 100)} … ${text.slice(-99)}`;
}

function compare(a: Diagnostic, b: Diagnostic, files: readonly string[]): number {
  if (a.at === undefined || b.at === undefined) return Number(a.at !== undefined) - Number(b.at !== undefined);
  return (
    files.indexOf(a.at.file) - files.indexOf(b.at.file) ||
    a.at.start.line - b.at.start.line ||
    a.at.start.column - b.at.start.column
  );
}
