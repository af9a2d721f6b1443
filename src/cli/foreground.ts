/** The second half of `up` without -d: output flows until all containers have ended, one that counts ends, or Ctrl-C. */
import type { Project } from '../model/project.ts';
import type { AttachEvent } from '../operations/attach.ts';
import type { Context } from '../operations/context.ts';
import type { UpOutcome } from '../operations/up.ts';
import type { Cli, InterruptSignal } from './command.ts';
import type { UpFlags } from './commands/up-flags.ts';
import { exitCodeOfSignal } from './exit-codes.ts';
import { given, inMs } from './flags.ts';
import { createLogPrinter } from './ui/log-lines.ts';
import { createProgress } from './ui/progress.ts';

export async function foreground(
  cli: Cli,
  context: Context,
  project: Project,
  outcome: UpOutcome,
  services: readonly string[],
  flags: UpFlags,
): Promise<number> {
  const printer = createLogPrinter(cli.out, outcome.attach, {
    colors: cli.terminal.colorsOnStdout && !flags['no-color'],
    prefix: !flags['no-log-prefix'],
    timestamps: flags.timestamps,
    keepStreams: true,
  });
  const note = (text: string) => {
    printer.flush();
    if (cli.terminal.progress !== 'json') cli.out.note(`${text}\n`);
  };
  const ending = createEnding(cli, context, { target: { name: project.name, project }, services, note, flags });
  cli.onInterrupt(ending.interrupted);
  if (context.signal.aborted) ending.interrupted('SIGINT', 1);
  const { attach } = await import('../operations/attach.ts');
  if (outcome.attach.length > 0) note(`Attaching to ${outcome.attach.map((source) => source.prefix).join(', ')}`);
  const events = attach(context, outcome.attach, {
    project: project.name,
    sinceMs: outcome.startedAtMs,
    signal: ending.detached,
  });
  for await (const event of events) {
    if (event.kind === 'lines') printer.print(event.source, event.lines);
    else if (event.kind === 'exited') {
      note(`${event.source.prefix} exited with code ${event.exitCode}${event.restarting ? ' (restarting)' : ''}`);
      ending.exited(event);
    } else if (event.kind === 'recreated') note(`${event.source.prefix} has been recreated`);
  }
  printer.flush();
  return ending.exitCode();
}

interface EndingOptions {
  readonly target: { readonly name: string; readonly project: Project };
  readonly services: readonly string[];
  readonly note: (text: string) => void;
  readonly flags: UpFlags;
}

/** How it comes to an end: by an interrupt, or by the exit of a container that the flags name. */
function createEnding(cli: Cli, context: Context, { target, services, note, flags }: EndingOptions) {
  const codeFrom = flags['exit-code-from'];
  const onFailure = flags['abort-on-container-failure'];
  const onExit = flags['abort-on-container-exit'] || (codeFrom !== undefined && !onFailure);
  const detached = new AbortController();
  let ended: Promise<void> | undefined;
  let code: number | undefined;
  let signalled: InterruptSignal | undefined;

  /** With a signal of its own: the one of `up` is for not beginning anything new. */
  const end = async (how: 'stop' | 'kill') => {
    const progress = createProgress(
      cli.out,
      { ...cli.terminal, progress: linesOf(cli) },
      { title: how, dryRun: false },
    );
    const quiet = { ...context, signal: new AbortController().signal, emit: progress.emit };
    if (how === 'kill') await (await import('../operations/kill.ts')).kill(quiet, target, { services });
    else {
      const options = { services, ...given({ timeoutMs: inMs(flags.timeout) }) };
      await (await import('../operations/stop.ts')).stop(quiet, target, options);
    }
  };
  const begin = (how: 'stop' | 'kill') => {
    ended = end(how).finally(() => detached.abort());
    // Awaited in exitCode(); until then a failure is not unhandled.
    ended.catch(() => {});
  };

  return {
    detached: detached.signal,
    interrupted: (signal: InterruptSignal, times: number) => {
      signalled ??= signal;
      if (times === 1 && !ended) {
        note('Gracefully Stopping... press Ctrl+C again to force');
        begin('stop');
      } else if (times <= 2) begin('kill');
      else detached.abort();
    },
    exited: ({ source, exitCode, restarting }: Extract<AttachEvent, { kind: 'exited' }>) => {
      if (restarting) return;
      if (source.service === codeFrom) code ??= exitCode;
      if (ended || !(onExit || (onFailure && exitCode !== 0))) return;
      if (codeFrom === undefined) code = exitCode;
      note(onFailure ? 'Aborting on container failure...' : 'Aborting on container exit...');
      begin('stop');
    },
    exitCode: async (): Promise<number> => {
      await ended;
      if (code !== undefined) return code;
      return signalled ? exitCodeOfSignal(signalled) : 0;
    },
  };
}

/** Output and rows cannot share a terminal: while lines flow, progress is lines too. */
const linesOf = (cli: Cli) => (cli.terminal.progress === 'tty' ? 'plain' : cli.terminal.progress);
