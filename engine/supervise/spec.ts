/** What a container's supervisor is told: RUN/containers/ID/program. Numbers and operations only; every decision is made here. */
import type { LaunchOp } from '../launcher/ops.ts';

/**
 * `setup` runs once in the supervisor itself, before anything else: its cgroup folders, and unshare(NEWNET), so that the supervisor lives
 * in the container's network namespace and a restart keeps interfaces and addresses. Slots opened here stay open for all sections.
 * `start` runs at each start: what stands before `clone` in a forked child of the supervisor, what stands after it in the container's
 * init. `clone` always makes a child *of the supervisor*; a `start` without `clone` makes the forked child itself the process (no pid
 * namespace, as for a name server). It ends with `exec`. Standard streams are in place before its first operation.
 * `probe` runs at each health check in a forked child of the supervisor: `join` with pid 0 is the container's init of that moment.
 * To join a pid namespace: `join` NEWPID, `clone`, then `join` the rest (the process is remembered over `clone`).
 *
 * cgroups: version 1 hierarchies are joined by a `write` of "0" to `tasks` (never to cgroup.procs, which takes a lock of the whole
 * machine) in a single-threaded process: before `clone` in `start`. Version 2: `clone` with `cgroup`. unshare(NEWCGROUP) after `clone`.
 * What that costs, measured with 50 at once on two busy cores (hybrid host, nine hierarchies): making ten folders 0.4 ms a container,
 * nine joins 0.4 ms, CLONE_INTO_CGROUP 0.05 ms, removing ten folders 0.3 ms; all of a bare start is 1.3 ms. On hosts with many cores
 * a write to cgroup.procs instead would wait for an RCU grace period of several ms, which two cores do not show.
 */
export interface SupervisorSpec {
  readonly id: string;
  readonly setup: readonly LaunchOp[];
  readonly start: readonly LaunchOp[];
  readonly probe: readonly LaunchOp[];
  /**
   * maxRetries 0: no limit. Without `delayMs` the wait is Docker's: 100 ms, doubled each time up to a minute, anew after a run of ten
   * seconds. With `windowMs` a run that lasted so long was a success, and tries are counted anew.
   */
  readonly restart: {
    readonly policy: RestartPolicy;
    readonly maxRetries: number;
    readonly delayMs?: number;
    readonly windowMs?: number;
  };
  /** Only with `probe`. */
  readonly health?: HealthNumbers;
  /** What a `stop` without numbers of its own uses; a negative grace waits for ever. */
  readonly stop: { readonly signal: number; readonly graceMs: number };
  readonly log: LogSpec;
  /** The program must then have a `console` operation, which makes the terminal. */
  readonly tty: boolean;
  /** Absent: standard input is /dev/null; else a pipe that attached clients write to. */
  readonly stdinOpen: boolean;
  /** Started by who attaches at once, as its owner (control.c): its output waits for that, ten seconds at most. */
  readonly foreground?: boolean;
  /** Folders to remove when the supervisor ends for good, children first; what still lives in them is killed where the kernel can. */
  readonly cgroups: readonly string[];
  /** File with an `oom_kill N` line: memory.oom_control (version 1) or memory.events (version 2); '' for none. */
  readonly oomCounter: string;
  /** A file and the words that freeze and thaw all processes: cgroup.freeze (version 2), freezer.state (version 1); empty: neither. */
  readonly freezer: readonly string[];
  /** Where the last state goes too, so that it outlives RUN: ROOT/containers/ID/exit; '' for nowhere. */
  readonly exitPath: string;
}

export interface LogSpec {
  /** A json-file; absent: none is kept. `maxBytes` 0: never rotated. `maxFiles` counts the one that is written to. */
  readonly file?: {
    readonly path: string;
    readonly maxBytes: number;
    readonly maxFiles: number;
    readonly compress: boolean;
    /** What stands in each line between the stream and the time: `"attrs":{…},`, or nothing. */
    readonly attributes: string;
  };
  /** A log server, connected to from the host's network. */
  readonly remote?: {
    /** A struct sockaddr; empty with `relay`. */
    readonly address: Uint8Array;
    /** A program of the host that passes on what it reads to the server, and ends with its input. At most 32 words. */
    readonly relay?: readonly string[];
    readonly isStream: boolean;
    /** Of a message, for each stream; bytes below 16 stand for what only the moment knows (engine/logs/templates.ts). */
    readonly templates: { readonly stdout: string; readonly stderr: string };
    readonly bufferBytes: number;
    /** A buffer that is full loses lines rather than keep the container waiting. */
    readonly drops: boolean;
  };
}

export type RestartPolicy = 'no' | 'on-failure' | 'always' | 'unless-stopped';

export interface HealthNumbers {
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly startPeriodMs: number;
  readonly startIntervalMs: number;
  readonly retries: number;
}

/** What failed, as the launcher numbers it: an operation of a bare program, of one of a spec's, a step of the supervisor's own, or a held port. */
export const SECTIONS = ['program', 'setup', 'start', 'probe', 'supervisor', 'ports'] as const;
export type Section = (typeof SECTIONS)[number];
