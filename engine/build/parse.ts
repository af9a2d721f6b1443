/** A Dockerfile's text, read as a whole: stages, and every mistake with its place. */
import type { Diagnostic } from '../../src/model/diagnostic.ts';
import type { SourceRange } from '../../src/model/source.ts';
import { type Dockerfile, type Instruction, InstructionMistake, type ParsedDockerfile } from './instruction.ts';
import { parseInstruction } from './parse-instruction.ts';
import { LIMITS, type LogicalLine, positionOf, readLines } from './read-lines.ts';

const FINDINGS_MAX = 100;

/**
 * Never throws: what is wrong is told, all of it, and the rest is read. `file` is for messages: a path, or what stands for one.
 */
export function parseDockerfile(text: string, file: string): ParsedDockerfile {
  const read = readLines(text);
  const findings: Diagnostic[] = [];
  const tell = (
    severity: Diagnostic['severity'],
    at: SourceRange | undefined,
    summary: string,
    help: string | undefined,
  ) => {
    if (findings.length < FINDINGS_MAX)
      findings.push({
        code: 'dockerfile',
        severity,
        summary,
        ...(at !== undefined && { at }),
        ...(help !== undefined && { help }),
      });
  };
  const rangeOf = (line: LogicalLine, offset = 0): SourceRange => {
    const start = positionOf(line, offset);
    return { file, start, end: { line: Math.max(line.lastLine, start.line), column: 1 } };
  };
  for (const { line, severity, message, help } of read.findings)
    tell(severity, { file, start: { line, column: 1 }, end: { line, column: 1 } }, message, help);

  const globalArgs: Dockerfile['globalArgs'][number][] = [];
  const stages: { from: Dockerfile['stages'][number]['from']; instructions: Instruction[] }[] = [];
  for (const line of read.lines) {
    const at = rangeOf(line);
    try {
      const warn = (message: string, help: string) => tell('warning', at, message, help);
      const body = parseInstruction(line.text, line.documents, read.escape, warn);
      const instruction: Instruction = { ...body, at, text: line.text };
      const stage = stages.at(-1);
      if (instruction.kind === 'FROM') stages.push({ from: instruction, instructions: [] });
      else if (stage !== undefined) stage.instructions.push(instruction);
      else if (instruction.kind === 'ARG') globalArgs.push(instruction);
      else
        tell(
          'error',
          at,
          `${instruction.kind} before the first FROM`,
          'begin with FROM IMAGE; only ARG may come before it',
        );
    } catch (error) {
      if (!(error instanceof InstructionMistake)) throw error;
      tell('error', rangeOf(line, error.offset ?? 0), error.message, error.help);
    }
  }
  if (stages.length > LIMITS.stages)
    tell('error', stages[LIMITS.stages]!.from.at, `more than ${LIMITS.stages} stages`, 'split the Dockerfile');
  if (stages.length === 0 && !findings.some(({ severity }) => severity === 'error'))
    tell(
      'error',
      { file, start: { line: 1, column: 1 }, end: { line: 1, column: 1 } },
      read.lines.length === 0 ? 'the Dockerfile has no instructions' : 'the Dockerfile has no FROM',
      'begin with FROM IMAGE',
    );
  return { dockerfile: { escape: read.escape, directives: read.directives, globalArgs, stages }, findings };
}
