/** The exit codes, and the table that `tcompose help exit-codes` prints. */

export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  pending: 3,
  brokenPipe: 141,
} as const;

/** As shells do: 130 for SIGINT, 143 for SIGTERM. */
export const exitCodeOfSignal = (signal: 'SIGINT' | 'SIGTERM' | 'SIGHUP'): number =>
  128 + { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 }[signal];

export const EXIT_CODES: readonly (readonly [code: string, meaning: string])[] = [
  ['0', 'done, or nothing to do'],
  ['1', 'an action failed; the message says which and why'],
  ['2', 'the command line or a file has a mistake; nothing was done'],
  ['3', 'plan --exit-code: there is something to change'],
  ['126', 'exec: the command was found and could not be run'],
  ['127', 'exec: no such command, or working folder, in the container'],
  ['128+n', 'ended by signal n: 130 after Ctrl-C, 143 after SIGTERM, 141 when the reader of a pipe went away'],
  ['other', "exec, run: the command's own; up --exit-code-from and --abort-on-container-exit: the container's own"],
];
