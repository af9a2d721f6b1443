/** What is: facts read from the kernel and the state folders. Facts only: no judgement of what should be done. */
import type { DesiredContainer, DesiredNetwork, DesiredVolume } from './desired.ts';

export interface LiveState {
  readonly networks: readonly LiveNetwork[];
  readonly volumes: readonly LiveVolume[];
  readonly containers: readonly LiveContainer[];
  /** That rule over this host beside the engine; absent: none, or not looked for. */
  readonly firewalls?: readonly HostFirewall[];
}

export interface HostFirewall {
  readonly name: 'ufw' | 'firewalld';
  /** It lets by what containers send. */
  readonly knowsBridges: boolean;
}

/** As Docker's words (engine-behaviour: state machine). */
export type ContainerStatus = 'created' | 'running' | 'paused' | 'restarting' | 'removing' | 'exited' | 'dead';
export type HealthStatus = 'none' | 'starting' | 'healthy' | 'unhealthy';

export interface LiveContainer {
  /** 64 hexadecimal digits. */
  readonly id: string;
  readonly name: string;
  readonly madeFrom: DesiredContainer;
  /** ISO 8601. */
  readonly createdAt: string;
  readonly status: ContainerStatus;
  /** On the host; 0 when no process runs. */
  readonly pid: number;
  /** The supervisor's; 0 when there is none. */
  readonly supervisorPid: number;
  readonly startedAt?: string;
  readonly finishedAt?: string;
  readonly exitCode: number;
  readonly oomKilled: boolean;
  readonly restartCount: number;
  /** Meant to run: set by start, cleared by stop and kill. One that is wanted and exited ended by itself. */
  readonly wanted?: boolean;
  /** Its last start was in an earlier life of the machine. */
  readonly startedBeforeBoot?: true;
  /** It ran when the machine went down: nobody saw its end. */
  readonly endedWithHost?: true;
  /** By hand: `unless-stopped` leaves it so. */
  readonly stoppedByUser?: true;
  /** Why the last start failed, in the engine's words. */
  readonly error?: string;
  readonly health: HealthStatus;
  readonly healthLog: readonly { start: string; end: string; exitCode: number; output: string }[];
  readonly endpoints: readonly LiveEndpoint[];
  readonly publishers: readonly LivePort[];
  /** What its mounts became: names of the volumes behind anonymous targets. */
  readonly mounts: readonly {
    target: string;
    kind: 'volume' | 'bind' | 'tmpfs' | 'image' | 'file';
    source: string;
    readOnly: boolean;
    anonymous: boolean;
  }[];
  readonly damage: readonly Damage[];
}

export interface LiveEndpoint {
  readonly network: string;
  readonly ipv4?: string;
  readonly ipv6?: string;
  /** Lengths of the subnets' prefixes. */
  readonly ipv4Prefix?: number;
  readonly ipv6Prefix?: number;
  readonly mac: string;
  readonly hostInterface: string;
}

export interface LivePort {
  readonly protocol: string;
  readonly target: number;
  readonly hostIp: string;
  readonly published: number;
}

export interface LiveNetwork {
  readonly name: string;
  readonly id: string;
  readonly madeFrom: DesiredNetwork;
  readonly createdAt: string;
  /** Empty: it is upon `parent`, an interface of the host's. */
  readonly bridge: string;
  readonly parent?: string;
  readonly subnets: readonly { subnet: string; gateway: string }[];
  /** A route of the host wants the same addresses: one clause, without the network's name. */
  readonly clash?: string;
  readonly damage: readonly Damage[];
}

export interface LiveVolume {
  readonly name: string;
  readonly madeFrom: DesiredVolume;
  readonly anonymous: boolean;
  readonly createdAt: string;
  readonly mountpoint: string;
  /** Names of containers that mount it. */
  readonly usedBy: readonly string[];
}

/** The kernel lacks something that the records say was made. `what` completes the sentence "… is gone". */
export interface Damage {
  readonly kind:
    | 'process'
    | 'supervisor'
    | 'interface'
    | 'address'
    | 'bridge'
    | 'parent'
    | 'firewall'
    | 'dns'
    | 'change';
  /** For people, without the verb: `interface tcv-1a2b of network shop_front`. `change`: a whole sentence. */
  readonly what: string;
}
