/** What a state would look like once it was made: facts out of wishes, for tests of everything above the engine. */
import type { DesiredContainer, DesiredNetwork, DesiredState, DesiredVolume } from '../../src/model/desired.ts';
import type { ImageConfig, ImageInfo } from '../../src/model/engine.ts';
import type { LiveContainer, LiveNetwork, LiveState, LiveVolume } from '../../src/model/live.ts';

export const MADE_AT = '2026-01-01T00:00:00.000Z';

const digits = (name: string, count: number): string => {
  let hash = 0x811c9dc5;
  for (const char of name) hash = Math.imul(hash ^ char.charCodeAt(0), 0x01000193) >>> 0;
  return hash
    .toString(16)
    .padStart(8, '0')
    .repeat(Math.ceil(count / 8))
    .slice(0, count);
};

export function fakeImage(ref: string, config: Partial<ImageConfig> = {}): ImageInfo {
  const full: ImageConfig = {
    env: [],
    cmd: ['run'],
    user: '',
    workingDir: '',
    volumes: [],
    exposedPorts: [],
    labels: {},
    ...config,
  };
  return {
    id: `sha256:${digits(ref + JSON.stringify(config), 64)}`,
    tags: [`docker.io/library/${ref}`],
    createdAt: MADE_AT,
    os: 'linux',
    architecture: 'amd64',
    config: full,
    layers: [],
    sizeBytes: 1_000_000,
    raw: { config: {} },
  };
}

/** Running, healthy where there is a check, nothing damaged. */
export function runningContainer(container: DesiredContainer, changes: Partial<LiveContainer> = {}): LiveContainer {
  return {
    id: digits(container.name, 64),
    name: container.name,
    madeFrom: container,
    createdAt: MADE_AT,
    status: 'running',
    pid: 4242,
    supervisorPid: 4241,
    startedAt: MADE_AT,
    exitCode: 0,
    oomKilled: false,
    restartCount: 0,
    wanted: true,
    health: container.healthcheck ? 'healthy' : 'none',
    healthLog: [],
    endpoints: container.attachments.map(({ network }) => ({
      network,
      mac: '',
      hostInterface: `tcv-${digits(network, 4)}`,
    })),
    publishers: container.ports,
    mounts: container.mounts.flatMap((mount) => {
      if (mount.kind === 'from') return [];
      const anonymous = mount.kind === 'volume' && mount.volume === undefined;
      const source =
        mount.kind === 'bind'
          ? mount.source
          : mount.kind === 'volume'
            ? (mount.volume ?? digits(mount.target, 64))
            : '';
      return [{ target: mount.target, kind: mount.kind, source, readOnly: mount.readOnly, anonymous }];
    }),
    damage: [],
    ...changes,
  };
}

export const ended = (exitCode: number): Partial<LiveContainer> => ({
  status: 'exited',
  exitCode,
  pid: 0,
  supervisorPid: 0,
  finishedAt: MADE_AT,
});

export const liveNetwork = (network: DesiredNetwork): LiveNetwork => ({
  name: network.name,
  id: digits(network.name, 64),
  madeFrom: network,
  createdAt: MADE_AT,
  bridge: `tcb-${digits(network.name, 4)}`,
  subnets: [],
  damage: [],
});

export const liveVolume = (volume: DesiredVolume): LiveVolume => ({
  name: volume.name,
  madeFrom: volume,
  anonymous: false,
  createdAt: MADE_AT,
  mountpoint: `/volumes/${volume.name}`,
  usedBy: [],
});

export const nothing: LiveState = { networks: [], volumes: [], containers: [] };

export const applied = (state: DesiredState): LiveState => ({
  networks: state.networks.map(liveNetwork),
  volumes: state.volumes.map(liveVolume),
  containers: state.containers.map((container) => runningContainer(container)),
});
