/** The containers of a project, in the words and keys of `docker compose ps`. */
import type { ContainerStatus, LiveContainer } from '../model/live.ts';
import { isActive } from '../plan/inputs.ts';
import { isOneOff, serviceOf } from '../plan/labels.ts';
import type { Context, Target } from './context.ts';
import { checkServices, find } from './lives.ts';
import { type Publisher, portsWords, publishersOf } from './port-words.ts';
import { ago, labelWords, moment, sizeWords, statusWords, withLabel } from './words.ts';

export interface PsOptions {
  readonly services?: readonly string[];
  /** Stopped ones and one-offs too. */
  readonly all?: boolean;
  /** Implies all. */
  readonly statuses?: readonly ContainerStatus[];
  /** Containers of services that the file does not have; on when absent. */
  readonly orphans?: boolean;
  /** Commands in full. */
  readonly noTrunc?: boolean;
  /** How much of the disk each takes; else `0B`, as compose ps has it. */
  readonly size?: boolean;
}

/** `--format json` prints exactly this, one object a line. */
export interface PsRow {
  readonly Command: string;
  readonly CreatedAt: string;
  readonly ExitCode: number;
  readonly Health: string;
  /** 12 digits; 64 with noTrunc. */
  readonly ID: string;
  readonly Image: string;
  readonly Labels: string;
  readonly LocalVolumes: string;
  readonly Mounts: string;
  readonly Name: string;
  readonly Names: string;
  readonly Networks: string;
  /** On the host; 0 when not running. Not in docker compose. */
  readonly Pid: number;
  readonly Ports: string;
  readonly Project: string;
  readonly Publishers: readonly Publisher[];
  readonly RunningFor: string;
  readonly Service: string;
  readonly Size: string;
  readonly State: ContainerStatus;
  readonly Status: string;
}

/** Sorted by name. */
export async function ps(context: Context, target: Target, options: PsOptions = {}): Promise<readonly PsRow[]> {
  const { services = [], statuses = [], orphans = true } = options;
  const found = await find(context, target);
  checkServices(found, target, services);
  const isAll = options.all === true || statuses.length > 0;
  const known = target.project && { ...target.project.services, ...target.project.disabledServices };
  const now = context.clock();
  const shown = found.containers
    .filter((live) => isAll || (isActive(live) && !isOneOff(live)))
    .filter((live) => services.length === 0 || services.includes(serviceOf(live)))
    .filter((live) => statuses.length === 0 || statuses.includes(live.status))
    .filter((live) => orphans || !known || known[serviceOf(live)] !== undefined)
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const sizes = await Promise.all(shown.map(async ({ name }) => (options.size ? sizeOf(context, name) : '0B')));
  return shown.map((live, index) =>
    withLabel({ ...row(live, target.name, now, options.noTrunc === true), Size: sizes[index]! }, live.madeFrom.labels),
  );
}

/** `1.09kB (virtual 5.13MB)`, as docker ps --size. */
async function sizeOf({ engine }: Context, name: string): Promise<string> {
  const { writableBytes, totalBytes } = await engine.containers.size(name);
  return `${sizeWords(writableBytes)} (virtual ${sizeWords(totalBytes)})`;
}

const MAX_COMMAND = 20;

/** As Docker lists it: a word with blanks in single quotes. */
const commandWords = ([program = '', ...words]: readonly string[]): string =>
  [program, ...words.map((word) => (word.includes(' ') ? `'${word}'` : word))].join(' ');

/** In characters, not in halves of them. */
function shortened(command: string): string {
  const characters = [...command];
  return characters.length <= MAX_COMMAND ? command : `${characters.slice(0, MAX_COMMAND - 1).join('')}…`;
}

function row(live: LiveContainer, project: string, now: number, noTrunc: boolean): Omit<PsRow, 'Size'> {
  const { madeFrom, mounts } = live;
  const command = commandWords(madeFrom.argv);
  const publishers = isActive(live) ? publishersOf(live.publishers, madeFrom.exposed) : [];
  return {
    Command: JSON.stringify(noTrunc ? command : shortened(command)),
    CreatedAt: moment(live.createdAt),
    ExitCode: live.exitCode,
    Health: live.health === 'none' ? '' : live.health,
    ID: noTrunc ? live.id : live.id.slice(0, 12),
    Image: madeFrom.image.ref,
    Labels: labelWords(madeFrom.labels),
    LocalVolumes: String(mounts.filter(({ kind }) => kind === 'volume').length),
    Mounts: mounts.flatMap(({ source }) => source || []).join(','),
    Name: live.name,
    Names: live.name,
    Networks: madeFrom.attachments.map(({ network }) => network).join(','),
    Pid: live.pid,
    Ports: portsWords(publishers),
    Project: project,
    Publishers: publishers,
    RunningFor: ago(live.createdAt, now),
    Service: serviceOf(live),
    State: live.status,
    Status: statusWords(live, now),
  };
}
