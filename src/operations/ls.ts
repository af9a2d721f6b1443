/** The projects that have containers in this instance. */
import { TcomposeError } from '../model/errors.ts';
import type { LiveContainer } from '../model/live.ts';
import { isActive } from '../plan/inputs.ts';
import { LABEL, projectOf } from '../plan/labels.ts';
import type { Context } from './context.ts';

export interface LsOptions {
  /** Stopped projects too, and the stopped containers of the others. */
  readonly all?: boolean;
  /** Regular expression on the name. */
  readonly name?: string;
}

/** `--format json` prints an array of exactly these. */
export interface LsRow {
  readonly Name: string;
  /** `running(2), exited(1)` */
  readonly Status: string;
  readonly ConfigFiles: string;
}

export async function ls({ engine }: Context, options: LsOptions = {}): Promise<readonly LsRow[]> {
  const { containers } = await engine.snapshot({ networkDamage: false });
  const projects = new Map<string, LiveContainer[]>();
  for (const live of containers) {
    const name = projectOf(live);
    if (name !== undefined) projects.set(name, [...(projects.get(name) ?? []), live]);
  }
  const pattern = options.name === undefined ? undefined : expression(options.name);
  return [...projects]
    .filter(([name, members]) => (options.all || members.some(isActive)) && (pattern?.test(name) ?? true))
    .map(([name, members]) => ({
      Name: name,
      Status: statusOf(options.all ? members : members.filter(isActive)),
      ConfigFiles: filesOf(members),
    }))
    .sort((a, b) => (a.Name < b.Name ? -1 : 1));
}

function expression(text: string): RegExp {
  try {
    return new RegExp(text);
  } catch (cause) {
    throw new TcomposeError(`"${text}" is not a regular expression`, {
      code: 'usage',
      exitCode: 2,
      help: 'escape special characters',
      cause,
    });
  }
}

function statusOf(members: readonly LiveContainer[]): string {
  const counts = new Map<string, number>();
  for (const { status } of members) counts.set(status, (counts.get(status) ?? 0) + 1);
  return [...counts]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([status, count]) => `${status}(${count})`)
    .join(', ');
}

export const filesOf = (members: readonly LiveContainer[]): string =>
  [
    ...new Set(
      members.flatMap(({ madeFrom }) => (madeFrom.labels[LABEL.configFiles] ?? '').split(',')).filter(Boolean),
    ),
  ].join(',');
