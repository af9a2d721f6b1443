/** Runs a command in a running container of a service; the result is its exit code. */
import type { Context, Target } from './context.ts';
import { find, notRunning, oneOf } from './lives.ts';

export interface ExecOptions {
  readonly service: string;
  readonly argv: readonly string[];
  readonly tty: boolean;
  readonly interactive: boolean;
  readonly detach?: boolean;
  /** `KEY=VALUE`, or `KEY`: the project's environment gives the value. */
  readonly env?: readonly string[];
  readonly user?: string;
  readonly workingDir?: string;
  readonly privileged?: boolean;
  /** Replica; the lowest number when absent. */
  readonly index?: number;
}

export async function exec(context: Context, target: Target, options: ExecOptions): Promise<number> {
  const found = await find(context, target);
  const live = oneOf(found, target, options.service, options.index);
  if (live.status !== 'running' && live.status !== 'paused')
    throw notRunning(options.service, options.index, live.status);
  return context.engine.containers.exec(live.name, {
    argv: options.argv,
    tty: options.tty,
    interactive: options.interactive,
    detach: options.detach === true,
    env: environment(options.env ?? [], target),
    privileged: options.privileged === true,
    ...(options.user === undefined ? {} : { user: options.user }),
    ...(options.workingDir === undefined ? {} : { workingDir: options.workingDir }),
  });
}

/** A bare name that nobody knows a value for is left out, as Docker does. */
export function environment(entries: readonly string[], { project }: Target): Readonly<Record<string, string>> {
  const result: Record<string, string> = {};
  for (const entry of entries) {
    const split = entry.indexOf('=');
    const key = split < 0 ? entry : entry.slice(0, split);
    const value = split < 0 ? (project?.environment ?? process.env)[key] : entry.slice(split + 1);
    if (value !== undefined) result[key] = value;
  }
  return result;
}
