/** From what a caller of the library gives to the whole description of a container. */
import type { DesiredContainer, DesiredMount, DesiredNetwork, DesiredPort } from '../../src/model/desired.ts';
import type { ImageInfo } from '../../src/model/engine.ts';
import { TcomposeError } from '../../src/model/errors.ts';
import { mergedArgv, mergedEnv, mergedHealthcheck } from '../../src/model/image-config.ts';
import { plainNetwork } from '../../src/model/plain-network.ts';
import { PROJECT_LABEL } from '../state/container-records.ts';
import type { BindOptions, ContainerOptions, HealthcheckOptions, PortOptions } from './options.ts';

const GRACE_MS = 10_000;

/** What all containers of one engine share. */
export interface Scope {
  readonly project: string;
  readonly network: string;
  /** Of who made them. */
  readonly labels: Readonly<Record<string, string>>;
}

/** Fields of a container of which nothing was said. */
export const UNSET = {
  groupAdd: [],
  tty: false,
  stdinOpen: false,
  init: false,
  links: [],
  extraHosts: [],
  dns: { servers: [], search: [], options: [] },
  restart: { policy: 'no', maxRetries: 0 },
  log: { driver: 'json-file', options: {} },
  security: {
    privileged: false,
    capAdd: [],
    capDrop: [],
    noNewPrivileges: false,
    seccomp: 'default',
    readOnlyRootfs: false,
  },
  resources: { shmSizeBytes: 2 ** 26 },
  sysctls: {},
  ulimits: {},
} as const satisfies Partial<DesiredContainer>;

/** As Compose numbers them: so the command line finds them by their name. */
export const fullName = ({ project }: Scope, name: string): string => `${project}-${name}-1`;

export function describeContainer(
  scope: Scope,
  name: string,
  options: ContainerOptions,
  { id, config }: ImageInfo,
): DesiredContainer {
  const { network, healthcheck, overrides = {} } = options;
  const whole = fullName(scope, name);
  const argv = overrides.argv ?? mergedArgv(config, options);
  if (argv.length === 0) throw noCommand(options.image);
  const check = healthcheck === false ? undefined : mergedHealthcheck(config, ownCheck(healthcheck ?? {}));
  return {
    ...UNSET,
    name: whole,
    image: { ref: options.image, id },
    argv,
    env: mergedEnv(config, options.env ?? {}),
    user: options.user ?? config.user,
    workingDir: options.workingDir ?? (config.workingDir || '/'),
    mounts: [...(options.binds ?? []).map(bind), ...(options.tmpfs ?? []).map(tmpfs)],
    networkMode: { kind: network ?? 'bridge' },
    attachments: network === undefined ? [{ network: scope.network, aliases: [whole, name] }] : [],
    ports: (options.ports ?? []).map(port),
    ...(check === undefined ? {} : { healthcheck: check }),
    stop: { signal: config.stopSignal || 'SIGTERM', graceMs: GRACE_MS },
    ...overrides,
    labels: { ...config.labels, ...options.labels, ...overrides.labels, ...labelsOf(scope, name) },
  };
}

const labelsOf = ({ project, labels }: Scope, service: string): Readonly<Record<string, string>> => ({
  ...labels,
  [PROJECT_LABEL]: project,
  'com.docker.compose.service': service,
  'com.docker.compose.container-number': '1',
  'com.docker.compose.oneoff': 'False',
});

export const describeNetwork = ({ project, network, labels }: Scope): DesiredNetwork =>
  plainNetwork(network, { ...labels, [PROJECT_LABEL]: project, 'com.docker.compose.network': 'default' });

function port(given: number | PortOptions): DesiredPort {
  const {
    target,
    published = 0,
    hostIp = '127.0.0.1',
    protocol = 'tcp',
  } = typeof given === 'number' ? { target: given } : given;
  const isPort = (number: number, least: number) => Number.isInteger(number) && number >= least && number <= 65_535;
  if (isPort(target, 1) && isPort(published, 0)) return { target, published, hostIp, protocol };
  throw new TcomposeError(`there is no port ${isPort(target, 1) ? published : target}`, {
    code: 'port-unusable',
    help: 'give a whole number from 1 to 65535',
  });
}

const bind = ({ source, target, readOnly = false }: BindOptions): DesiredMount => ({
  kind: 'bind',
  source,
  target,
  readOnly,
  createHostPath: false,
  propagation: '',
  recursive: true,
});

const tmpfs = (target: string): DesiredMount => ({ kind: 'tmpfs', target, readOnly: false, options: [] });

function ownCheck({ test, ...times }: HealthcheckOptions) {
  if (test === undefined) return times;
  return { ...times, test: typeof test === 'string' ? ['CMD-SHELL', test] : ['CMD', ...test] };
}

const noCommand = (image: string) =>
  new TcomposeError(`the image ${image} has no command`, {
    code: 'no-command',
    address: `image/${image}`,
    help: 'give `command`',
  });
