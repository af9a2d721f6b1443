/** The last words of a command that failed. */
import type { Doors } from './doors.ts';
import type { Globals } from './flags.ts';
import { MistakesPrinted } from './session.ts';
import { exitCodeOf, failureJson, renderFailure } from './ui/failure.ts';
import type { Output } from './ui/output.ts';
import { paint } from './ui/paint.ts';
import { examineTerminal } from './ui/terminal.ts';

export function reportFailure(error: unknown, globals: Globals, doors: Doors, out: Output): number {
  if (error instanceof MistakesPrinted) return error.exitCode;
  const { progress, colorsOnStderr } = safeTerminal(globals, doors);
  const debug = globals.debug || globals.verbose;
  if (progress === 'json') out.note(failureJson(error));
  else out.note(renderFailure(error, { color: paint(colorsOnStderr), cwd: doors.cwd(), debug }));
  return exitCodeOf(error);
}

/** The error may be about the very flags that say how to show it. */
function safeTerminal(globals: Globals, doors: Doors) {
  try {
    return examineTerminal(globals, doors.env);
  } catch {
    return { progress: 'plain', colorsOnStderr: false };
  }
}
