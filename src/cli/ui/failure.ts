/** What ended a command, in the order of questions: what happened, where in the files, what to do. */
import { relative } from 'node:path';
import { TcomposeError, TcomposeErrors } from '../../model/errors.ts';
import type { SourceRange } from '../../model/source.ts';
import { dockerfileFrame } from './dockerfile-frame.ts';
import { type Paint, printable } from './paint.ts';

export interface FailureStyle {
  readonly color: Paint;
  readonly cwd: string;
  /** Show stacks. */
  readonly debug: boolean;
}

export function renderFailure(error: unknown, style: FailureStyle): string {
  if (error instanceof TcomposeErrors)
    return inOrder(flatten(error))
      .map((one) => renderFailure(one, style))
      .join('');
  if (error instanceof TcomposeError) return renderExpected(error, style) + stackOf(error, style);
  return renderBug(error, style);
}

/** For `--progress json`: Compose's two keys, and ours. */
export function failureJson(error: unknown): string {
  return inOrder(flatten(error))
    .map((one) => {
      const known = one instanceof TcomposeError ? one : undefined;
      return `${JSON.stringify({
        error: true,
        message: one instanceof Error ? one.message : String(one),
        ...(known && { code: known.code }),
        ...(known?.address !== undefined && { address: known.address }),
        ...(known?.at && { at: positionOf(known.at) }),
        ...(known?.help !== undefined && { help: known.help }),
      })}\n`;
    })
    .join('');
}

/** The first failure that has an exit code of its own decides. */
export function exitCodeOf(error: unknown): number {
  const codes = flatten(error).map((one) => (one instanceof TcomposeError ? one.exitCode : 1));
  return codes.find((code) => code !== 1) ?? 1;
}

const flatten = (error: unknown): readonly unknown[] =>
  error instanceof TcomposeErrors ? error.errors.flatMap(flatten) : [error];

/** As in the files, top to bottom; what has no place comes last. Files come as they are first named. */
function inOrder(errors: readonly unknown[]): readonly unknown[] {
  const places = errors.map((one) => (one instanceof TcomposeError ? one.at : undefined));
  const files = [...new Set(places.map((at) => at?.file))];
  const rank = (at: SourceRange | undefined) =>
    at === undefined ? [files.length, 0, 0] : [files.indexOf(at.file), at.start.line, at.start.column];
  return errors
    .map((one, index) => ({ one, rank: rank(places[index]) }))
    .sort((a, b) => a.rank.map((value, index) => value - b.rank[index]!).find((value) => value !== 0) ?? 0)
    .map(({ one }) => one);
}

function renderExpected(error: TcomposeError, { color, cwd }: FailureStyle): string {
  const lines = [`${color('boldRed', `error[${error.code}]`)}: ${printable(error.message)}`];
  if (error.at) lines.push(`  ${color('dim', positionOf(error.at, cwd))}`);
  lines.push(...dockerfileFrame(error));
  if (error.help) lines.push(`  ${color('cyan', 'help')}: ${printable(error.help).replaceAll('\n', '\n      ')}`);
  return `${lines.join('\n')}\n`;
}

function renderBug(error: unknown, style: FailureStyle): string {
  const message = printable(error instanceof Error ? error.message : String(error));
  const known = message.startsWith('this is a bug in tcompose');
  const title = style.color('boldRed', 'error');
  const help = style.debug
    ? ''
    : `  ${style.color('cyan', 'help')}: please report it, with what the same command prints after adding --debug\n`;
  return `${title}: ${known ? '' : 'this is a bug in tcompose: '}${message}\n${help}${stackOf(error, style)}`;
}

function stackOf(error: unknown, { debug }: FailureStyle): string {
  if (!debug || !(error instanceof Error)) return '';
  const cause = error.cause instanceof Error ? `  caused by ${error.cause.stack ?? error.cause.message}\n` : '';
  return `${error.stack?.split('\n').slice(1).join('\n') ?? ''}\n${cause}`;
}

function positionOf({ file, start }: SourceRange, cwd?: string): string {
  const shown = cwd === undefined || !file.startsWith('/') ? file : shorter(relative(cwd, file), file);
  return `${file === '-' ? 'standard input' : shown}:${start.line}:${start.column}`;
}

/** Relative while that is no climb through half of the file system. */
const shorter = (path: string, absolute: string): string => (path.startsWith('../../..') ? absolute : path);
