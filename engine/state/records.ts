/** The records on disk: what was asked for and what was allotted. Whether it runs is the kernel's to say. */
import type { DesiredContainer, DesiredNetwork, DesiredVolume } from '../../src/model/desired.ts';
import type { LivePort } from '../../src/model/live.ts';

export const RECORD_VERSION = 1;

export interface ContainerRecord {
  readonly version: number;
  /** 64 hexadecimal digits. */
  readonly id: string;
  readonly name: string;
  readonly createdAt: string;
  readonly madeFrom: DesiredContainer;
  /** Allotted at create, kept over restarts; one per attachment, same order. */
  readonly endpoints: readonly EndpointRecord[];
  /** While it is changed in place: what endpoints it had before, some of which the kernel may still have. Afterwards absent. */
  readonly before?: readonly EndpointRecord[];
  /** Beside `before`: host ports that it had, some of which its supervisor may still hold. */
  readonly publishersBefore?: readonly LivePort[];
  /** Host ports as allotted (ephemeral ones resolved), present from the first start on. */
  readonly publishers: readonly LivePort[];
  /** Of a container whose ids are mapped, unless it shares another's user namespace: allotted at create. */
  readonly ids?: IdRanges;
  /** Volumes behind the mounts, anonymous ones named. In the order of mounting. */
  readonly mounts: readonly MountRecord[];
  /** Where the name server of its view listens, if not at port 53 (engine/dns/views.ts); present from the first start on. */
  readonly resolverPort?: number;
  /** Whether it is meant to run: set by start, cleared by stop. Firewall rules exist for those that are. */
  readonly wanted: boolean;
  /** When it was last asked to start, and in which life of the machine: what ran in an earlier one ended with it. */
  readonly lastStart?: { readonly boot: string; readonly at: string };
  /** Stopped by hand: `unless-stopped` does not come back. */
  readonly stoppedByUser: boolean;
  /** Id of the container whose place this one took: from the moment this record exists, that one counts as removed. */
  readonly replaces?: string;
  /** Why the last start failed, in the engine's words; '' or absent when it did not. */
  readonly error?: string;
}

/** The ids on the host that 0 stands for, and how many follow. */
export interface IdRanges {
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
}

export interface EndpointRecord {
  readonly network: string;
  /** `tcv<instance><8 hex>`, at most 15 characters; empty: it has no end on the host (macvlan, ipvlan). */
  readonly hostInterface: string;
  readonly interfaceName: string;
  /** Of the interface inside, counted from 0: it stays when endpoints before it go. Absent: its place in the list. */
  readonly position?: number;
  /** Empty: that of the parent. */
  readonly mac: string;
  readonly ipv4?: { readonly address: string; readonly prefix: number };
  readonly ipv6?: { readonly address: string; readonly prefix: number };
  readonly aliases: readonly string[];
}

export interface MountRecord {
  readonly target: string;
  readonly kind: 'volume' | 'bind' | 'tmpfs' | 'image' | 'file';
  /** volume: its full name; bind: the host's path; image: its id; file: the host's that it is a copy of, else ''; tmpfs: ''. */
  readonly source: string;
  readonly readOnly: boolean;
  readonly anonymous: boolean;
  readonly noCopy: boolean;
  readonly subpath?: string;
  readonly propagation: string;
  readonly recursive: boolean;
  readonly createHostPath: boolean;
  readonly mapsIds?: true;
  readonly options: readonly string[];
  /** Read-only is the topmost mount alone. */
  readonly writableBelow?: true;
  /** Of a file that the engine writes, or of a bound secret or config: the digest of its content. */
  readonly content?: { readonly of: string; readonly digest: string };
  readonly owner?: { readonly uid: number; readonly gid: number; readonly mode: number };
  /** For an anonymous volume, when it is made. */
  readonly labels?: Readonly<Record<string, string>>;
}

export interface NetworkRecord {
  readonly version: number;
  readonly id: string;
  readonly name: string;
  readonly createdAt: string;
  readonly madeFrom: DesiredNetwork;
  /** `tcb<instance><8 hex>`, at most 15 characters; empty: it has none, and is upon `parent`. */
  readonly bridge: string;
  /** An interface of the host's, upon which each container has a link of its own; `made`: by us, to be removed with the last network. */
  readonly parent?: { readonly name: string; readonly made?: 'vlan' | 'dummy' };
  /** 0: as the parent has it. */
  readonly mtu: number;
  readonly subnets: readonly { readonly subnet: string; readonly gateway: string; readonly prefix: number }[];
}

export interface VolumeRecord {
  readonly version: number;
  readonly name: string;
  readonly createdAt: string;
  readonly madeFrom: DesiredVolume;
  readonly anonymous: boolean;
  /** Image content was copied in (or was not to be): never again. */
  readonly seeded: boolean;
}
