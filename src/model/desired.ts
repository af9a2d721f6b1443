/**
 * What should be, in the engine's terms: containers, networks and volumes, every name and number resolved.
 * Plain JSON data: it is stored beside the container it made (`madeFrom`), compared field by field, and shown in plans.
 * Everything here is identity: a change of any field is a change of the container, unless plan/in-place.ts says otherwise.
 */

export interface DesiredState {
  readonly project: string;
  readonly networks: readonly DesiredNetwork[];
  readonly volumes: readonly DesiredVolume[];
  /** One entry per replica. */
  readonly containers: readonly DesiredContainer[];
}

export interface DesiredNetwork {
  /** Full name, unique in the instance: `shop_default`. */
  readonly name: string;
  readonly external: boolean;
  readonly driver: 'bridge';
  readonly internal: boolean;
  readonly enableIpv4: boolean;
  readonly enableIpv6: boolean;
  /** Empty: the engine allots a subnet. */
  readonly ipam: readonly {
    subnet?: string;
    ipRange?: string;
    gateway?: string;
    auxAddresses?: Record<string, string>;
  }[];
  readonly driverOpts: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
}

export interface DesiredVolume {
  /** Full name: `shop_data`. Anonymous volumes are not listed here: they are made with their container. */
  readonly name: string;
  readonly external: boolean;
  readonly driver: 'local';
  readonly driverOpts: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
}

export interface DesiredContainer {
  /** Unique in the instance: `shop-web-1`. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** `id` is the image's configuration digest, `sha256:…`; `ref` as the user wrote it. */
  readonly image: { readonly ref: string; readonly id: string };
  /** Entrypoint and command, the image's already merged in. Never empty. */
  readonly argv: readonly string[];
  /** The image's merged in; without PATH/HOME/HOSTNAME/TERM defaults, which the engine adds when absent. */
  readonly env: Readonly<Record<string, string>>;
  /** `''` is root; else `user[:group]`, names or numbers, resolved in the root filesystem at start. */
  readonly user: string;
  readonly groupAdd: readonly string[];
  readonly workingDir: string;
  /** Absent: the first 12 digits of the container's id. */
  readonly hostname?: string;
  readonly domainname?: string;
  readonly tty: boolean;
  readonly stdinOpen: boolean;
  readonly init: boolean;
  /** Own mounts and those of volumes_from, one per target, parents before children. */
  readonly mounts: readonly DesiredMount[];
  /** How the container is on the network. `bridge` uses `attachments`; `container` shares the one of `container`. */
  readonly networkMode:
    | { readonly kind: 'bridge' }
    | { readonly kind: 'none' }
    | { readonly kind: 'host' }
    | { readonly kind: 'container'; readonly container: string };
  /** In order of priority: the first gives the default route and the address that ports are mapped to. */
  readonly attachments: readonly DesiredAttachment[];
  readonly ports: readonly DesiredPort[];
  /** Names that this container alone knows other containers by. */
  readonly links: readonly { readonly container: string; readonly aliases: readonly string[] }[];
  /** `address` may be `host-gateway`. */
  readonly extraHosts: readonly { readonly host: string; readonly address: string }[];
  readonly dns: {
    readonly servers: readonly string[];
    readonly search: readonly string[];
    readonly options: readonly string[];
  };
  readonly restart: { readonly policy: 'no' | 'on-failure' | 'always' | 'unless-stopped'; readonly maxRetries: number };
  readonly healthcheck?: DesiredHealthcheck;
  readonly stop: { readonly signal: string; readonly graceMs: number };
  readonly log: { readonly driver: string; readonly options: Readonly<Record<string, string>> };
  readonly security: {
    readonly privileged: boolean;
    readonly capAdd: readonly string[];
    readonly capDrop: readonly string[];
    readonly noNewPrivileges: boolean;
    /** `default`, `unconfined`, or the text of a profile in Docker's JSON. */
    readonly seccomp: string;
    readonly readOnlyRootfs: boolean;
  };
  readonly resources: {
    readonly memoryBytes?: number;
    readonly memoryReservationBytes?: number;
    readonly memorySwapBytes?: number;
    /** Thousandths of a CPU. */
    readonly milliCpus?: number;
    readonly cpuShares?: number;
    readonly cpuset?: string;
    readonly pidsLimit?: number;
    readonly oomScoreAdj?: number;
    readonly shmSizeBytes: number;
  };
  readonly sysctls: Readonly<Record<string, string>>;
  readonly ulimits: Readonly<Record<string, { readonly soft: number; readonly hard: number }>>;
}

export type DesiredMount =
  | {
      readonly kind: 'volume';
      /** Full name of the volume; absent: anonymous, made with the container and kept over its recreation. */
      readonly volume?: string;
      readonly target: string;
      readonly readOnly: boolean;
      readonly noCopy: boolean;
      readonly subpath?: string;
    }
  | {
      readonly kind: 'bind';
      /** Absolute path on the host. */
      readonly source: string;
      readonly target: string;
      readonly readOnly: boolean;
      readonly createHostPath: boolean;
      readonly propagation: string;
      readonly recursive: boolean;
    }
  | { readonly kind: 'tmpfs'; readonly target: string; readonly readOnly: boolean; readonly options: readonly string[] }
  /** All mounts that the named container has (its own anonymous volumes included), as volumes_from. */
  | { readonly kind: 'from'; readonly container: string; readonly readOnly: boolean; readonly target: '' };

export interface DesiredAttachment {
  /** Full name of the network. */
  readonly network: string;
  /** Names this container answers to on that network, its own name included. */
  readonly aliases: readonly string[];
  readonly ipv4?: string;
  readonly ipv6?: string;
  readonly mac?: string;
  readonly interfaceName?: string;
}

export interface DesiredPort {
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  readonly target: number;
  /** '' is every address of the host. */
  readonly hostIp: string;
  /** 0: chosen by the engine once, and kept. */
  readonly published: number;
  /** Set with `published: 0` where the file gives a range to choose from. */
  readonly range?: { readonly first: number; readonly last: number };
}

export interface DesiredHealthcheck {
  /** argv; a CMD-SHELL test is already `/bin/sh -c …`. */
  readonly test: readonly string[];
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly retries: number;
  readonly startPeriodMs: number;
  readonly startIntervalMs: number;
}
