/** The lines of a Dockerfile: parser directives, comments, continuations, here-documents. What an instruction says is not known yet. */
import { expandWord } from './expand.ts';
import type { HereDocument } from './instruction.ts';

/** Where a piece of a joined line came from. */
interface Piece {
  readonly offset: number;
  /** From 1, both. */
  readonly line: number;
  readonly column: number;
}

export interface LogicalLine {
  /** Continuations joined, blanks at both ends gone. */
  readonly text: string;
  readonly pieces: readonly Piece[];
  readonly lastLine: number;
  readonly documents: readonly HereDocument[];
}

export interface LineFinding {
  readonly line: number;
  readonly severity: 'error' | 'warning';
  readonly message: string;
  readonly help: string;
}

export interface DockerfileLines {
  readonly escape: string;
  readonly directives: Readonly<Record<string, string>>;
  readonly lines: readonly LogicalLine[];
  readonly findings: readonly LineFinding[];
}

/** Far beyond honest files. The length of a line is the reference's. */
export const LIMITS = { file: 2 << 20, line: 65_535, instructions: 10_000, stages: 500, documents: 100 } as const;

const DIRECTIVE = /^#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*$/;
const HERE = /^(\d*)<<(-?)([^<]+)$/;
/** These take here-documents, behind ONBUILD, too. A JSON list has none. */
const TAKES_DOCUMENTS = /^(?:onbuild\s+)?(?:run|copy|add)\s(?!\s*\[)/i;

/** Here-documents that a line asks for, in its order. */
function announcedDocuments(text: string): readonly { name: string; strips: boolean; expands: boolean }[] {
  if (!text.includes('<<')) return [];
  try {
    const { words } = expandWord(text, new Map(), { escape: '\\', raw: true, keepUnset: true });
    return words.flatMap((word) => announcedDocument(word) ?? []);
  } catch {
    // Quotes that do not close: the shell of the image may know what they mean.
    return [];
  }
}

/** A word such as `<<-"EOF"`. */
export function announcedDocument(word: string): { name: string; strips: boolean; expands: boolean } | undefined {
  const match = HERE.exec(word);
  if (match === null) return undefined;
  try {
    const { words } = expandWord(match[3]!, new Map(), { escape: '\\', keepUnset: true });
    const name = words[0];
    if (words.length !== 1 || name === undefined) return undefined;
    return { name, strips: match[2] === '-', expands: name === match[3] };
  } catch {
    return undefined;
  }
}

/** The parser directives at the very top; the first line that is none ends them. */
function readDirectives(lines: readonly string[], findings: LineFinding[]): Record<string, string> {
  const directives: Record<string, string> = {};
  for (const [index, line] of lines.entries()) {
    const match = DIRECTIVE.exec(line.trim());
    const name = match === null ? '' : match[1]!.toLowerCase();
    if (!['syntax', 'escape', 'check'].includes(name)) break;
    const bad = (message: string, help: string) => findings.push({ line: index + 1, severity: 'error', message, help });
    if (name in directives) bad(`the parser directive ${name} is written twice`, 'keep one of them');
    else if (name === 'escape' && match![2] !== '\\' && match![2] !== '`')
      bad(`${JSON.stringify(match![2])} cannot be the escape character`, 'write a backslash or a backtick');
    else directives[name] = match![2]!;
  }
  return directives;
}

/** `text` as it was read from the file. Findings that say `error` come with what could be read all the same. */
export function readLines(text: string): DockerfileLines {
  const findings: LineFinding[] = [];
  const error = (line: number, message: string, help: string) =>
    findings.push({ line, severity: 'error', message, help });
  if (text.length > LIMITS.file) {
    error(1, `the Dockerfile is larger than ${LIMITS.file} bytes`, 'copy large texts from files of the context');
    return { escape: '\\', directives: {}, lines: [], findings };
  }
  const nul = text.indexOf('\0');
  if (nul >= 0)
    error(
      text.slice(0, nul).split('\n').length,
      'there is a NUL byte in the line',
      'save the Dockerfile as UTF-8 text',
    );
  const physical = text.replace(/^\u{FEFF}/u, '').split('\n');
  if (physical.at(-1) === '') physical.pop();
  const directives = readDirectives(physical, findings);
  const character = directives['escape'] ?? '\\';
  const continued = character === '\\' ? /\\[ \t]*\r?$/ : /`[ \t]*\r?$/;
  const lines: LogicalLine[] = [];
  for (let at = 0; at < physical.length; ) {
    const first = physical[at]!.trim();
    if (first === '' || first.startsWith('#')) {
      at++;
      continue;
    }
    const start = at;
    let joined = '';
    let empty = 0;
    const pieces: Piece[] = [];
    for (let goesOn = true; goesOn && at < physical.length; at++) {
      const line = physical[at]!;
      if (line.length > LIMITS.line)
        error(at + 1, `the line is longer than ${LIMITS.line} characters`, 'break it, or use a here-document');
      const bare = line.trim();
      // Comments vanish within a continued instruction, and so do empty lines.
      if (at > start && (bare === '' || bare.startsWith('#'))) {
        if (bare === '') empty ||= at + 1;
        continue;
      }
      goesOn = continued.test(line);
      const indent = at === start ? line.length - line.trimStart().length : 0;
      pieces.push({ offset: joined.length, line: at + 1, column: indent + 1 });
      joined += line.slice(indent).replace(goesOn ? continued : /\r$/, '');
    }
    if (empty > 0)
      findings.push({
        line: empty,
        severity: 'warning',
        message: 'an empty line within a continued instruction (NoEmptyContinuation)',
        help: 'remove it, or make it a comment',
      });
    const documents: HereDocument[] = [];
    const logical = joined.trimEnd();
    for (const announced of TAKES_DOCUMENTS.test(logical) ? announcedDocuments(logical) : []) {
      const body = readDocument(physical, at, announced);
      if (body === undefined || documents.length >= LIMITS.documents) {
        error(
          start + 1,
          body === undefined
            ? `the here-document ${announced.name} has no end`
            : `more than ${LIMITS.documents} here-documents`,
          `write ${announced.name} alone on the line after its text`,
        );
        at = body === undefined ? physical.length : at;
        break;
      }
      documents.push({ name: announced.name, text: body.text, expands: announced.expands });
      at = body.next;
    }
    if (logical !== '') lines.push({ text: logical, pieces, lastLine: at, documents });
    if (lines.length > LIMITS.instructions) {
      error(start + 1, `more than ${LIMITS.instructions} instructions`, 'split the Dockerfile');
      break;
    }
  }
  return { escape: character, directives, lines, findings };
}

function readDocument(
  physical: readonly string[],
  from: number,
  { name, strips }: { name: string; strips: boolean },
): { text: string; next: number } | undefined {
  const body: string[] = [];
  for (let at = from; at < physical.length; at++) {
    const line = strips ? physical[at]!.replace(/^\t+/, '') : physical[at]!;
    if (line.replace(/\r$/, '') === name) return { text: body.map((entry) => `${entry}\n`).join(''), next: at + 1 };
    body.push(line);
  }
  return undefined;
}

/** Where a character of a joined line was written. */
export function positionOf({ pieces }: LogicalLine, offset: number): { line: number; column: number } {
  const piece = pieces.findLast((candidate) => candidate.offset <= offset) ?? pieces[0]!;
  return { line: piece.line, column: piece.column + offset - piece.offset };
}
