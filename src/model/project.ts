/**
 * A loaded project: the user's intent in canonical long form.
 *
 * The shape is deliberately the one that `docker compose config --format json` prints (snake_case keys, ports.published a
 * string, byte sizes as strings of digits, durations as Go writes them), so that one vocabulary serves the loader, `config`,
 * the planner and other tools. Compose Specification, 2026; canonical forms: loader docs.
 */
import type { Diagnostic } from './diagnostic.ts';
import type { Path, SourceRange } from './source.ts';

export interface Project {
  readonly name: string;
  /** Absolute path of the project folder. */
  readonly workingDir: string;
  /** Absolute paths, in the order of merging; `-` is standard input. */
  readonly files: readonly string[];
  /** Absolute paths of the .env files read. */
  readonly envFiles: readonly string[];
  /** The environment that interpolation saw (shell over .env). */
  readonly environment: Readonly<Record<string, string>>;
  /** Active services only. */
  readonly services: Readonly<Record<string, Service>>;
  /** Services that the file has and the active profiles exclude: known, but not wanted. */
  readonly disabledServices: Readonly<Record<string, Service>>;
  readonly networks: Readonly<Record<string, Network>>;
  readonly volumes: Readonly<Record<string, Volume>>;
  readonly secrets: Readonly<Record<string, FileObject>>;
  readonly configs: Readonly<Record<string, FileObject>>;
  readonly extensions: Readonly<Record<string, unknown>>;
  /** Where the value at a path (for example ['services','web','ports',0]) was written; the nearest known parent otherwise. */
  readonly at: (path: Path) => SourceRange | undefined;
}

/** What loading gives: a project unless an error was found, and every finding, sorted by position. */
export interface Loaded {
  readonly project?: Project;
  readonly diagnostics: readonly Diagnostic[];
}

export interface Service {
  readonly annotations?: Readonly<Record<string, string>>;
  readonly attach?: boolean;
  readonly blkio_config?: Readonly<Record<string, unknown>>;
  readonly build?: Readonly<Record<string, unknown>>;
  readonly cap_add?: readonly string[];
  readonly cap_drop?: readonly string[];
  readonly cgroup?: string;
  readonly cgroup_parent?: string;
  /** null or absent: the image's. */
  readonly command?: readonly string[] | null;
  readonly configs?: readonly FileReference[];
  readonly container_name?: string;
  readonly cpu_count?: number;
  readonly cpu_percent?: number;
  readonly cpu_period?: number;
  readonly cpu_quota?: number;
  readonly cpu_rt_period?: number;
  readonly cpu_rt_runtime?: number;
  readonly cpu_shares?: number;
  readonly cpus?: number;
  readonly cpuset?: string;
  readonly credential_spec?: Readonly<Record<string, string>>;
  readonly depends_on?: Readonly<Record<string, Dependency>>;
  readonly deploy?: Deploy;
  readonly develop?: Readonly<Record<string, unknown>>;
  readonly device_cgroup_rules?: readonly string[];
  readonly devices?: readonly { readonly source: string; readonly target?: string; readonly permissions?: string }[];
  readonly dns?: readonly string[];
  readonly dns_opt?: readonly string[];
  readonly dns_search?: readonly string[];
  readonly domainname?: string;
  readonly entrypoint?: readonly string[] | null;
  /** env_file already read in; null: unset on purpose, unknown to the project's environment. */
  readonly environment?: Readonly<Record<string, string | null>>;
  readonly expose?: readonly string[];
  readonly external_links?: readonly string[];
  /** `host=address` strings, sorted, as Compose prints them. */
  readonly extra_hosts?: readonly string[];
  readonly gpus?: readonly Readonly<Record<string, unknown>>[];
  readonly group_add?: readonly string[];
  readonly healthcheck?: Healthcheck;
  readonly hostname?: string;
  readonly image?: string;
  readonly init?: boolean;
  readonly ipc?: string;
  readonly isolation?: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** `service` or `service:alias`. */
  readonly links?: readonly string[];
  readonly logging?: { readonly driver?: string; readonly options?: Readonly<Record<string, string>> };
  readonly mac_address?: string;
  readonly mem_limit?: string;
  readonly mem_reservation?: string;
  readonly mem_swappiness?: string;
  readonly memswap_limit?: string;
  readonly models?: Readonly<Record<string, unknown>>;
  readonly network_mode?: string;
  readonly networks?: Readonly<Record<string, NetworkAttachment | null>>;
  readonly oom_kill_disable?: boolean;
  readonly oom_score_adj?: number;
  readonly pid?: string;
  readonly pids_limit?: number;
  readonly platform?: string;
  readonly ports?: readonly Port[];
  readonly post_start?: readonly Hook[];
  readonly pre_start?: readonly Hook[];
  readonly pre_stop?: readonly Hook[];
  readonly privileged?: boolean;
  readonly profiles?: readonly string[];
  readonly provider?: Readonly<Record<string, unknown>>;
  readonly pull_policy?: string;
  /** With pull_policy `refresh`: `1d12h` */
  readonly pull_refresh_after?: string;
  readonly read_only?: boolean;
  /** `no`, `always`, `unless-stopped`, `on-failure`, `on-failure:N`. */
  readonly restart?: string;
  readonly runtime?: string;
  readonly scale?: number;
  readonly secrets?: readonly FileReference[];
  readonly security_opt?: readonly string[];
  readonly shm_size?: string;
  readonly stdin_open?: boolean;
  /** Go duration, for example `1m30s`. */
  readonly stop_grace_period?: string;
  readonly stop_signal?: string;
  readonly storage_opt?: Readonly<Record<string, string>>;
  readonly sysctls?: Readonly<Record<string, string>>;
  readonly tmpfs?: readonly string[];
  readonly tty?: boolean;
  readonly ulimits?: Readonly<Record<string, number | { readonly soft: number; readonly hard: number }>>;
  readonly use_api_socket?: boolean;
  readonly user?: string;
  readonly userns_mode?: string;
  readonly uts?: string;
  readonly volumes?: readonly Mount[];
  /** `service[:ro|rw]` or `container:NAME[:ro|rw]`. */
  readonly volumes_from?: readonly string[];
  readonly working_dir?: string;
  readonly [extension: `x-${string}`]: unknown;
}

export interface Dependency {
  readonly condition: 'service_started' | 'service_healthy' | 'service_completed_successfully';
  readonly required: boolean;
  readonly restart?: boolean;
}

export interface Deploy {
  readonly mode?: string;
  readonly replicas?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly resources?: Readonly<Record<string, unknown>>;
  readonly restart_policy?: Readonly<Record<string, unknown>>;
  readonly [other: string]: unknown;
}

export interface Healthcheck {
  readonly test?: readonly string[];
  readonly interval?: string;
  readonly timeout?: string;
  readonly retries?: number;
  readonly start_period?: string;
  readonly start_interval?: string;
  readonly disable?: boolean;
}

export interface Hook {
  readonly command: readonly string[];
  readonly user?: string;
  readonly privileged?: boolean;
  readonly working_dir?: string;
  readonly environment?: Readonly<Record<string, string | null>>;
  /** Of pre_start. */
  readonly image?: string;
  readonly per_replica?: boolean;
}

export interface NetworkAttachment {
  readonly aliases?: readonly string[];
  readonly interface_name?: string;
  readonly ipv4_address?: string;
  readonly ipv6_address?: string;
  readonly link_local_ips?: readonly string[];
  readonly mac_address?: string;
  readonly driver_opts?: Readonly<Record<string, string>>;
  readonly priority?: number;
  readonly gw_priority?: number;
}

export interface Port {
  readonly mode?: string;
  readonly host_ip?: string;
  readonly target: number;
  /** One port or a range `8000-8010`; absent: chosen by the engine. */
  readonly published?: string;
  readonly protocol?: string;
  readonly name?: string;
  readonly app_protocol?: string;
}

export interface Mount {
  readonly type: 'volume' | 'bind' | 'tmpfs' | 'image' | 'npipe' | 'cluster';
  /** volume: the key under top-level volumes, absent for an anonymous one; bind: an absolute path. */
  readonly source?: string;
  readonly target: string;
  readonly read_only?: boolean;
  readonly consistency?: string;
  readonly bind?: {
    readonly propagation?: string;
    readonly create_host_path?: boolean;
    readonly selinux?: string;
    readonly recursive?: string;
  };
  readonly volume?: {
    readonly nocopy?: boolean;
    readonly subpath?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly tmpfs?: { readonly size?: string; readonly mode?: number };
  readonly image?: { readonly subpath?: string };
}

/** A use of a config or secret by a service. `mode` is the text that Compose prints: "0440". */
export interface FileReference {
  readonly source: string;
  readonly target?: string;
  readonly uid?: string;
  readonly gid?: string;
  readonly mode?: string;
}

/** A top-level config or secret. */
export interface FileObject {
  readonly name: string;
  readonly file?: string;
  readonly environment?: string;
  readonly content?: string;
  readonly external?: boolean;
  readonly labels?: Readonly<Record<string, string>>;
  readonly [other: string]: unknown;
}

export interface Network {
  /** `<project>_<key>`, or as written. */
  readonly name: string;
  readonly driver?: string;
  readonly driver_opts?: Readonly<Record<string, string>>;
  readonly external?: boolean;
  readonly internal?: boolean;
  readonly attachable?: boolean;
  readonly enable_ipv4?: boolean;
  readonly enable_ipv6?: boolean;
  readonly ipam?: {
    readonly driver?: string;
    readonly config?: readonly {
      readonly subnet?: string;
      readonly ip_range?: string;
      readonly gateway?: string;
      readonly aux_addresses?: Readonly<Record<string, string>>;
    }[];
    readonly options?: Readonly<Record<string, string>>;
  };
  readonly labels?: Readonly<Record<string, string>>;
}

export interface Volume {
  readonly name: string;
  readonly driver?: string;
  readonly driver_opts?: Readonly<Record<string, string>>;
  readonly external?: boolean;
  readonly labels?: Readonly<Record<string, string>>;
}
