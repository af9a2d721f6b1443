/** A connection as the engine finds it on its way: facts only, read the moment they are asked for. operations/why-hops.ts judges. */
import type { ContainerStatus, LivePort } from './live.ts';

export type Asker = { readonly kind: 'container'; readonly container: string } | { readonly kind: 'host' | 'outside' };

export interface TraceRequest {
  readonly from: Asker;
  /** A name or an address, as it was typed. */
  readonly to: string;
  /** Containers that the project calls so; `host` and `outside` know no names and mean the published port of one of them. */
  readonly meant: readonly string[];
  /** Absent: the trace ends with the route. */
  readonly port?: number;
  readonly protocol: 'tcp' | 'udp';
}

export interface TraceParty {
  readonly container: string;
  readonly status: ContainerStatus;
  readonly exitCode: number;
  readonly mode: 'bridge' | 'none' | 'host' | 'container';
  /** The container whose network it shares. */
  readonly sharedWith?: string;
  readonly networks: readonly {
    readonly name: string;
    readonly internal: boolean;
    /** The interface of the host's that it is upon, where it has no bridge. */
    readonly upon?: string;
    readonly ipv4?: string;
    readonly ipv6?: string;
  }[];
}

export interface TraceName {
  /** Who was asked: `127.0.0.11`, with `at` where that leads: `172.18.0.1:53`. */
  readonly server: string;
  readonly at?: string;
  /** Of ours: whether its process lives. */
  readonly serverRuns?: boolean;
  /** It was in the container's /etc/hosts, and nobody was asked. */
  readonly fromHostsFile: boolean;
  readonly addresses: readonly string[];
  /** `ENOTFOUND` is an answer, `EREFUSED` that of a server which asks nobody; `ETIMEOUT` and `ECONNREFUSED` are none. */
  readonly error?: string;
}

export interface TraceLink {
  readonly side: 'asker' | 'target';
  readonly network: string;
  /** `bridge`, the end of the pair on the host, or the one inside; `parent`: what that one is upon, where there is no pair. */
  readonly kind: 'bridge' | 'host end' | 'inside' | 'parent';
  readonly name: string;
  readonly is: 'up' | 'down' | 'gone' | 'on another bridge' | 'without its address';
}

export interface TraceRule {
  /** `mangle TC-1a2b-GUARD` */
  readonly chain: string;
  readonly text: string;
  readonly packets: number;
  /** `DROP`, `ACCEPT`, `REJECT`, `DNAT`, `RETURN`, a chain's name. */
  readonly target: string;
  /** Its counter rose while the connection was tried. */
  readonly rose: boolean;
}

export interface TraceRules {
  /** How the packets cross this host; `bridged`: within one bridge, `upon`: by an interface's own way; there the firewall sees nothing. */
  readonly path: 'forward' | 'input' | 'output' | 'bridged' | 'upon' | 'none';
  /** Those that match, in order. Jumps are not listed. */
  readonly met: readonly TraceRule[];
  readonly verdict: 'passes' | 'dropped' | 'rejected';
  readonly droppedBy?: TraceRule;
  /** Rules that drop, of which cannot be told from here whether they match (marks, sets, limits). */
  readonly uncertain: readonly TraceRule[];
  /** What the instance's records ask for and the kernel lacks, as in Damage.what. */
  readonly missing: readonly string[];
  /** Destination after address translation, `172.18.0.2:80`. */
  readonly ledTo?: string;
  /** Containers on the network may not talk to each other (inter-container communication off): their bridge ports are isolated. */
  readonly isolated?: true;
}

export interface TracePublished {
  /** The map that is meant; absent: the port is not published. */
  readonly port?: LivePort;
  readonly all: readonly LivePort[];
  /** `tcompose-launch (pid 4)`; absent: no socket holds the host port. */
  readonly heldBy?: string;
  /** The supervisor of the container is who holds it. */
  readonly heldByOwn: boolean;
}

export interface TraceSocket {
  readonly address: string;
  readonly port: number;
}

export interface TraceAttempt {
  readonly to: string;
  /** `connected`, or an errno: `ECONNREFUSED`, `ETIMEDOUT`, `EHOSTUNREACH`. */
  readonly result: string;
  readonly ms: number;
}

export interface Trace {
  readonly asker?: TraceParty;
  readonly meant: readonly TraceParty[];
  /** Absent: an address was typed, or a published port is meant. */
  readonly name?: TraceName;
  /** Where the connection goes to, before any translation. */
  readonly address?: string;
  /** Whose that address is, where it is one of this instance's. */
  readonly target?: TraceParty;
  readonly published?: TracePublished;
  readonly route?: {
    readonly device?: string;
    readonly via?: string;
    readonly source?: string;
    readonly error?: string;
  };
  /** A route of the host that leads the connection, or its answers, astray: `bridge` is where it should lead. Absent: there is none. */
  readonly hostRoute?: {
    readonly to: string;
    readonly bridge?: string;
    readonly device?: string;
    readonly error?: string;
  };
  /** `80/tcp`: what a link of the asker to the target opens; absent: it has none. */
  readonly linkOpens?: readonly string[];
  /** Of several containers with that name, as far as they were tried: how many take no connection. `address` is one of those. */
  readonly replicas?: { readonly failing: number; readonly of: number };
  readonly links: readonly TraceLink[];
  readonly rules?: TraceRules;
  /** Sockets of the protocol that listen in the target's network, of every port; without a target those of the host. */
  readonly listening?: readonly TraceSocket[];
  /** The other protocol, where that port has a socket of it. */
  readonly listensFor?: 'tcp' | 'udp';
  readonly attempt?: TraceAttempt;
}
