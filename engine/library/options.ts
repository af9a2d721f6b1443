/** What callers of the library give and get: plain data, all of it optional but the image. */
import type { DesiredContainer } from '../../src/model/desired.ts';

/** Where the engine keeps its things, and whose they are. */
export interface EngineOptions {
  /**
   * Images, volumes, containers and logs: an absolute path on a file system that overlay takes (not tmpfs in a container, not NFS).
   * Default: `TCOMPOSE_ROOT`, else the host's `/var/lib/tcompose`. Another folder is another instance, with images of its own.
   */
  readonly root?: string;
  /** Sockets and locks. Default: with `root`, a folder in /run that belongs to it; else `TCOMPOSE_RUN`, else `/run/tcompose`. */
  readonly run?: string;
  /**
   * Prefix of all names on the host, and what `tcompose -p PROJECT ps` finds them by: lower-case letters, digits, `-` and `_`.
   * Default: `lib-` and eight random digits, so that programs that run at the same time do not meet.
   */
  readonly project?: string;
  /** Path of the tcompose-launcher program. Default: the one of this package. */
  readonly launcher?: string;
}

/** A container port that is reached from this host. */
export interface PortOptions {
  /** In the container. */
  readonly target: number;
  /** On this host. Default: a free one, see `Container.port()`. */
  readonly published?: number;
  /** Of this host; `''` is all of its addresses. Default: 127.0.0.1. */
  readonly hostIp?: string;
  /** Default: tcp. */
  readonly protocol?: 'tcp' | 'udp' | 'sctp';
}

/** A file or folder of this host, seen in the container. */
export interface BindOptions {
  /** Absolute path on this host; it must be there. */
  readonly source: string;
  /** Absolute path in the container. */
  readonly target: string;
  readonly readOnly?: boolean;
}

/** A command that says by exit code 0 that the container is well. Unset times come from the image, then from Docker's defaults. */
export interface HealthcheckOptions {
  /** Words of a command, or a line for the image's shell. Default: the image's. */
  readonly test?: readonly string[] | string;
  readonly intervalMs?: number;
  readonly timeoutMs?: number;
  readonly retries?: number;
  readonly startPeriodMs?: number;
  readonly startIntervalMs?: number;
}

/**
 * When a container is ready: something accepts connections on a TCP port of it (on an address that others reach: not only on its own
 * loopback), a line of its log has this text or fits this expression, its health check says so, or it ended with exit code 0.
 */
export type Wait =
  | { readonly port: number }
  | { readonly log: string | RegExp }
  | { readonly healthy: true }
  | { readonly completed: true };

export interface ContainerOptions {
  /** Name, name:tag, name@digest or id of an image that the engine has: see `Engine.images`. */
  readonly image: string;
  /** By which the engine's other containers reach it, unique in the engine. Default: `c1`, `c2`, … */
  readonly name?: string;
  /** Instead of the image's, as words. An entrypoint drops the image's command, as with Docker. */
  readonly command?: readonly string[];
  readonly entrypoint?: readonly string[];
  /** Laid over the image's; `null` takes a variable away. */
  readonly env?: Readonly<Record<string, string | null>>;
  /** `user[:group]`, names or numbers. Default: the image's. */
  readonly user?: string;
  readonly workingDir?: string;
  /** To be reached from this host; a number is a TCP port of the container, on a free port of 127.0.0.1. */
  readonly ports?: readonly (number | PortOptions)[];
  /** Default: a network that the containers of this engine share, and know each other's names in. */
  readonly network?: 'none' | 'host';
  readonly binds?: readonly BindOptions[];
  /** Paths of folders that are kept in memory. */
  readonly tmpfs?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  /** `false`: none, the image's neither. */
  readonly healthcheck?: HealthcheckOptions | false;
  /** What `start` waits for, one after the other. Default: only that the program runs. */
  readonly wait?: Wait | readonly Wait[];
  /** For all of `wait` together, in milliseconds. Default: 60 000. */
  readonly timeoutMs?: number;
  /** Whatever else the engine can do for a container, in its own terms (limits, capabilities, mounts, restart policy …); wins over all above. */
  readonly overrides?: Partial<Omit<DesiredContainer, 'name' | 'image'>>;
}

export interface ExecOptions {
  /** Added to the container's. */
  readonly env?: Readonly<Record<string, string>>;
  /** Default: the container's user and folder. */
  readonly user?: string;
  readonly workingDir?: string;
  /** For its standard input. Default: empty. */
  readonly input?: string | Uint8Array;
}

export interface ExecResult {
  /** 126 or 127 when it could not be run (`stderr` says why); 128+n when signal n ended it. */
  readonly exitCode: number;
  /** As UTF-8. */
  readonly stdout: string;
  readonly stderr: string;
}

export interface LogsOptions {
  /** Goes on until the container is removed, or the signal aborts. Default: ends with what there is. */
  readonly follow?: boolean;
  /** Only the last N lines that are there. */
  readonly tail?: number;
  readonly signal?: AbortSignal;
}

export interface LogLine {
  readonly stream: 'stdout' | 'stderr';
  /** RFC 3339, UTC, with nanoseconds. */
  readonly time: string;
  /** As UTF-8, without the end of the line. */
  readonly text: string;
}

export interface StopOptions {
  /** Until it is killed, in milliseconds. Default: 10 000. */
  readonly graceMs?: number;
  /** `SIGTERM`, `INT`, `9`. Default: the image's, else SIGTERM. */
  readonly signal?: string;
}

/** A path of this host (an archive; for `load`, the folder of an OCI layout too), or the bytes of an archive. Gzip and zstd are seen. */
export type ArchiveSource = string | AsyncIterable<Uint8Array>;
