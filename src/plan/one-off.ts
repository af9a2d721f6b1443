/** `run`: a service changed for one command, and the container of it that belongs to no replica (pkg/compose/run.go). */
import type { DesiredContainer } from '../model/desired.ts';
import type { Mount, Port, Project, Service } from '../model/project.ts';
import type { Desire } from './desire.ts';
import { LABEL, serviceOf } from './labels.ts';

export interface OneOff {
  readonly service: string;
  /** Full name of the container. */
  readonly name: string;
  /** Random: what tells one-offs of a service apart. */
  readonly slug: string;
  /** Names of the service on its networks too, not only the container's own. */
  readonly useAliases: boolean;
  /** Removed when it has ended, at the latest by the next command that changes the project. */
  readonly removes: boolean;
  /** Whoever starts it attaches. */
  readonly foreground: boolean;
}

export interface OneOffChanges {
  readonly command: readonly string[];
  /** Absent: the service's. */
  readonly entrypoint?: readonly string[];
  readonly tty: boolean;
  readonly stdinOpen: boolean;
  readonly user?: string;
  readonly workingDir?: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly volumes: readonly Mount[];
  /** In place of the service's own. */
  readonly ports?: readonly Port[];
  readonly servicePorts: boolean;
  readonly capAdd: readonly string[];
  readonly capDrop: readonly string[];
}

/** The project in which the service is what the command asks for: one container, no policy that restarts it. */
export function withChanges(project: Project, name: string, changes: OneOffChanges): Project {
  const service = project.services[name]!;
  // What is prepared is prepared for the service's own containers.
  const { restart: _, container_name: __, pre_start: ___, deploy, ...rest } = service;
  const changed: Service = {
    ...rest,
    scale: 1,
    ...(deploy === undefined ? {} : { deploy: { ...withoutPolicy(deploy), replicas: 1 } }),
    tty: changes.tty,
    stdin_open: changes.stdinOpen,
    ports: changes.ports ?? (changes.servicePorts ? (service.ports ?? []) : []),
    ...commandOf(service, changes),
    ...(changes.user === undefined ? {} : { user: changes.user }),
    ...(changes.workingDir === undefined ? {} : { working_dir: changes.workingDir }),
    environment: { ...service.environment, ...changes.environment },
    labels: { ...service.labels, ...changes.labels },
    volumes: withVolumes(service.volumes ?? [], changes.volumes),
    cap_add: without([...(service.cap_add ?? []), ...changes.capAdd], changes.capDrop),
    cap_drop: [...without(service.cap_drop ?? [], changes.capAdd), ...changes.capDrop],
  };
  // A volume that only the command line names is called as it is named there.
  const named = changes.volumes.flatMap(({ type, source }) => (type === 'volume' && source ? [source] : []));
  const added = named.filter((key) => !Object.hasOwn(project.volumes, key)).map((key) => [key, { name: key }] as const);
  return {
    ...project,
    services: { ...project.services, [name]: changed },
    volumes: { ...project.volumes, ...Object.fromEntries(added) },
  };
}

function withoutPolicy({
  restart_policy: _,
  ...deploy
}: NonNullable<Service['deploy']>): NonNullable<Service['deploy']> {
  return deploy;
}

/** An entrypoint of one's own drops the command of the service and of the image. */
function commandOf({ command }: Service, changes: OneOffChanges): Pick<Service, 'command' | 'entrypoint'> {
  if (changes.entrypoint !== undefined) return { entrypoint: changes.entrypoint, command: changes.command };
  return changes.command.length > 0 ? { command: changes.command } : command === undefined ? {} : { command };
}

const without = (list: readonly string[], gone: readonly string[]): readonly string[] =>
  list.filter((one) => !gone.includes(one));

/** The command line's mount takes the place of one at the same target. */
const withVolumes = (own: readonly Mount[], added: readonly Mount[]): readonly Mount[] => [
  ...own.filter(({ target }) => !added.some((mount) => mount.target === target)),
  ...added,
];

/**
 * The service's one container becomes the one-off, and the service itself is none of the plan's business any more: its replicas are
 * neither made nor surplus.
 */
export function withOneOff(desire: Desire, oneOff: OneOff): Desire {
  const { service } = oneOff;
  const isIt = (container: DesiredContainer) => serviceOf({ madeFrom: container }) === service;
  const replica = desire.state.containers.find(isIt)?.name ?? '';
  const others = new Set([...desire.selected].filter((name) => name !== service));
  const here = `container/${oneOff.name}`;
  const inFile = (address: string) => (address === here ? `container/${replica}` : address);
  return {
    ...desire,
    state: {
      ...desire.state,
      containers: desire.state.containers.map((container) =>
        isIt(container) ? madeOneOff(container, oneOff) : container,
      ),
    },
    selected: others,
    targeted: others,
    named: new Set(),
    origin: {
      at: (address, path) => desire.origin.at(inFile(address), path),
      value: (address, path) => desire.origin.value(inFile(address), path),
    },
  };
}

function madeOneOff(
  container: DesiredContainer,
  { name, slug, useAliases, removes, foreground }: OneOff,
): DesiredContainer {
  const { [LABEL.number]: _, ...labels } = container.labels;
  return {
    ...container,
    name,
    labels: {
      ...labels,
      [LABEL.oneoff]: 'True',
      [LABEL.slug]: slug,
      ...(removes ? { [LABEL.autoRemove]: 'True' } : {}),
    },
    attachments: container.attachments.map((one) => ({
      ...one,
      aliases: [name, ...(useAliases ? one.aliases.filter((alias) => alias !== container.name) : [])],
    })),
    ...(foreground ? { foreground: true } : {}),
  };
}
