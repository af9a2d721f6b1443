/**
 * What should be, in the engine's terms: containers, networks and volumes, every name and number resolved.
 * Plain JSON data: it is stored beside the container it made (`madeFrom`), compared field by field, and shown in plans.
 * Everything here is identity: a change of any field is a change of the container, unless plan/in-place.ts says otherwise.
 */

import type { DesiredAttachment, DesiredPort } from './desired-network.ts';

export type { DesiredAttachment, DesiredPort };

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
  readonly driver: 'bridge' | 'macvlan' | 'ipvlan';
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
  /** Belongs to who starts it and attaches at once: output waits for that, input ends with that client's (Docker's StdinOnce). */
  readonly foreground?: boolean;
  readonly init: boolean;
  /** It is there for its volumes only: made, and never started by `up`. */
  readonly runs?: false;
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
  /** Variables tell of the linked containers, too (Docker's old links). */
  readonly linkEnv?: true;
  /** `80/tcp`: what the image and the file say it serves; absent: nothing. With the published ports, what links are told of. */
  readonly exposed?: readonly string[];
  /** `address` may be `host-gateway`. */
  readonly extraHosts: readonly { readonly host: string; readonly address: string }[];
  readonly dns: {
    readonly servers: readonly string[];
    readonly search: readonly string[];
    readonly options: readonly string[];
  };
  readonly restart: {
    readonly policy: 'no' | 'on-failure' | 'always' | 'unless-stopped';
    /** 0: no limit. */
    readonly maxRetries: number;
    /** Between an end and the next start; absent: a wait that grows, as Docker's. */
    readonly delayMs?: number;
    /** A run that lasted so long was a success: tries are counted anew. */
    readonly windowMs?: number;
  };
  readonly healthcheck?: DesiredHealthcheck;
  readonly stop: { readonly signal: string; readonly graceMs: number };
  readonly log: { readonly driver: string; readonly options: Readonly<Record<string, string>> };
  /** Run by who starts or stops the container, not by its supervisor: a restart by policy runs none (Compose's rule). */
  readonly hooks?: { readonly postStart: readonly DesiredHook[]; readonly preStop: readonly DesiredHook[] };
  /**
   * Run to their ends, one after the other, before it starts, and then removed; each has the mounts of the container that it names.
   * One that several replicas list is run once, and only where none of them runs already.
   */
  readonly preStart?: readonly DesiredContainer[];
  /** Absent members, and an absent whole: namespaces of its own. */
  readonly namespaces?: {
    /** `none`: its own, and no /dev/shm; `shareable` is its own, which others may join. */
    readonly ipc?: NamespaceOf | { readonly kind: 'none' };
    readonly pid?: NamespaceOf;
    readonly uts?: NamespaceOf;
    readonly cgroup?: { readonly kind: 'host' };
    /** Its ids are a range of subordinate ids on the host (subuid(5)): the project's with `private`, one of its own with `auto`. */
    readonly user?: { readonly kind: 'private' } | { readonly kind: 'auto'; readonly size: number };
  };
  /** Host devices put into the container; a source that is a folder stands for all devices below it. */
  readonly devices?: readonly DesiredDevice[];
  /** As Docker writes them: `c 1:3 mr`, `a *:* rwm`. */
  readonly deviceRules?: readonly string[];
  /** Names of the Container Device Interface, `vendor.com/class=name`. */
  readonly cdiDevices?: readonly string[];
  /** A path below the mount point of each cgroup hierarchy; absent: tcompose's own. */
  readonly cgroupParent?: string;
  /** `os/architecture[/variant]` that the file asks for; the engine refuses to start an image of another that this kernel cannot run. */
  readonly platform?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly security: {
    readonly privileged: boolean;
    readonly capAdd: readonly string[];
    readonly capDrop: readonly string[];
    readonly noNewPrivileges: boolean;
    /** `default`, `unconfined`, or the text of a profile in Docker's JSON. */
    readonly seccomp: string;
    readonly readOnlyRootfs: boolean;
    /** `unconfined`, or the name of a loaded profile; absent: the engine's default one where the kernel has AppArmor. */
    readonly apparmor?: string;
    /** `systempaths=unconfined`: nothing in /proc and /sys is hidden or read-only. */
    readonly systemPathsUnconfined?: boolean;
    /** `writable-cgroups=true` or `false`; absent: as `privileged` says. */
    readonly writableCgroups?: boolean;
  };
  readonly resources: {
    readonly memoryBytes?: number;
    readonly memoryReservationBytes?: number;
    readonly memorySwapBytes?: number;
    /** Percent, 0 to 100. */
    readonly memorySwappiness?: number;
    readonly oomKillDisable?: boolean;
    /** Thousandths of a CPU. */
    readonly milliCpus?: number;
    /** Microseconds of CPU time in each period, and the period; instead of milliCpus. */
    readonly cpuQuotaUs?: number;
    readonly cpuPeriodUs?: number;
    /** Microseconds of real-time scheduling in each period, and the period (version 1 only). */
    readonly cpuRealtimeRuntimeUs?: number;
    readonly cpuRealtimePeriodUs?: number;
    readonly blkio?: DesiredBlkio;
    readonly cpuShares?: number;
    readonly cpuset?: string;
    readonly pidsLimit?: number;
    readonly oomScoreAdj?: number;
    readonly shmSizeBytes: number;
  };
  readonly sysctls: Readonly<Record<string, string>>;
  readonly ulimits: Readonly<Record<string, { readonly soft: number; readonly hard: number }>>;
}

/** Whose namespace: the host's, or that of another container. `shareable`: its own. */
export type NamespaceOf =
  | { readonly kind: 'host' }
  | { readonly kind: 'shareable' }
  | { readonly kind: 'container'; readonly container: string };

/** A command run in the container. */
export interface DesiredHook {
  readonly argv: readonly string[];
  readonly user?: string;
  readonly workingDir?: string;
  readonly privileged: boolean;
  readonly env: Readonly<Record<string, string>>;
}

export interface DesiredDevice {
  /** On the host. */
  readonly source: string;
  /** In the container. */
  readonly target: string;
  /** Of `rwm`. */
  readonly permissions: string;
}

export interface DesiredBlkio {
  /** 10 to 1000. */
  readonly weight?: number;
  readonly weightDevices: readonly { readonly path: string; readonly weight: number }[];
  /** Bytes or operations a second. */
  readonly readBps: readonly DesiredThrottle[];
  readonly readIops: readonly DesiredThrottle[];
  readonly writeBps: readonly DesiredThrottle[];
  readonly writeIops: readonly DesiredThrottle[];
}

export interface DesiredThrottle {
  readonly path: string;
  readonly rate: number;
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
      /** Of an anonymous one, when it is made. */
      readonly labels?: Readonly<Record<string, string>>;
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
      /** In a container whose ids are mapped: owners are those inside. Else they are the host's, and root's files nobody's. */
      readonly mapsIds?: true;
      /** With `readOnly`: what is mounted below the source stays writable. */
      readonly writableBelow?: true;
      /** A secret or config that is a file of the host; absent: any other bind, or a file whose content nobody looked at. */
      readonly content?: DesiredContent;
    }
  /** The files of an image, or what lies in it at `subpath`. */
  | {
      readonly kind: 'image';
      readonly image: { readonly ref: string; readonly id: string };
      readonly subpath?: string;
      readonly target: string;
      readonly readOnly: true;
    }
  /** A secret or config that the engine writes: its text is handed over beside the plan (Engine.provide), and kept in memory. */
  | {
      readonly kind: 'file';
      readonly content: DesiredContent;
      /** Absolute path on the host of what it is a copy of: after a reboot it is copied once more. */
      readonly file?: string;
      readonly target: string;
      readonly readOnly: true;
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
    }
  | { readonly kind: 'tmpfs'; readonly target: string; readonly readOnly: boolean; readonly options: readonly string[] }
  /** All mounts that the named container has (its own anonymous volumes included), as volumes_from. */
  | { readonly kind: 'from'; readonly container: string; readonly readOnly: boolean; readonly target: '' };

export interface DesiredContent {
  /** `secret db_password` */
  readonly of: string;
  /** SHA-256 of its text, with its name for salt. Never the text. */
  readonly digest: string;
  /** What another text means for a running container; absent: the file is rewritten under it. */
  readonly onChange?: 'recreate' | 'restart' | 'none' | { readonly signal: string };
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
