/** How a container is on its networks, and what of it is published. Part of what is desired (desired.ts). */

export interface DesiredAttachment {
  /** Full name of the network. */
  readonly network: string;
  /** Names this container answers to on that network, its own name included. */
  readonly aliases: readonly string[];
  readonly ipv4?: string;
  readonly ipv6?: string;
  readonly mac?: string;
  readonly interfaceName?: string;
  readonly linkLocalIps?: readonly string[];
  /** Settings of the interface: `net.ipv4.conf.IFNAME.log_martians` → `1`. */
  readonly sysctls?: Readonly<Record<string, string>>;
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
