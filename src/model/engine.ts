/**
 * The port through which everything above reaches a container engine. It belongs to its consumer: the planner never learns
 * that Linux exists, the engine never learns that Compose exists.
 *
 * Law for implementers: *create* validates all, then acts, then undoes in reverse on failure; *remove* is idempotent, tries
 * everything and reports every failure together; *start* or *stop* of something already so is success. Batches exist so that
 * fifty containers cost one firewall transaction and one launcher: give everything that is ready at once. Calls may overlap, in
 * one process (a stop while another container is removed) and in several (another project): what they share is locked inside.
 */
import type {
  CommitOptions,
  ContainerChange,
  ContainerStats,
  CopyRequest,
  EngineEvent,
  ProcessFact,
} from './container-facts.ts';
import type { DesiredContainer, DesiredHook, DesiredNetwork, DesiredState, DesiredVolume } from './desired.ts';
import type { ImageInfo, Images } from './images.ts';
import type { LiveContainer, LiveNetwork, LiveState, LiveVolume } from './live.ts';
import type { AttachRequest, CapturedRun, ExecRequest, LogLine, LogOptions, StartOptions } from './streams.ts';
import type { Trace, TraceRequest } from './trace.ts';
import type { ProvidedText, VolumeChange, VolumeCopyFacts, VolumeCopyOptions } from './volume-facts.ts';

export type * from './container-facts.ts';
export type { ImageConfig, ImageInfo, Images, LoadedImage, StoreUsage } from './images.ts';
export type { AttachRequest, CapturedRun, ExecRequest, LogLine, LogOptions } from './streams.ts';

export interface Engine {
  /**
   * Reads only; never waits for a lock. Without a project: everything of the instance. `networkDamage: false`: what the network lacks is
   * not looked for, which would run programs of the host.
   */
  snapshot(filter?: { readonly project?: string; readonly networkDamage?: boolean }): Promise<LiveState>;
  /** One writer per project at a time; the error of the second says who holds the lock and since when. */
  lock(project: string, command: string): Promise<{ release(): Promise<void> }>;
  /** The command of another process that is changing the project at this moment; never waits. */
  changedBy(project: string): Promise<string | undefined>;
  /**
   * What would be refused, told before anything is touched, one error each: names that are too long, host ports that somebody holds
   * (with the process that does), bind sources that do not exist. `leaving`: containers that stop or go before these start.
   */
  check(wanted: Omit<DesiredState, 'project'>, leaving: ReadonlySet<string>): Promise<readonly Error[]>;
  /** Texts of secrets and configs by digest, for what is made, started or changed later in this command. Nothing is written down. */
  provide(contents: ReadonlyMap<string, ProvidedText>): void;
  readonly images: Images;
  readonly networks: Networks;
  readonly volumes: Volumes;
  readonly containers: Containers;
  readonly system: System;
  /** Ends helper processes and sockets of this CLI run; containers stay. */
  close(): Promise<void>;
}

export interface Networks {
  create(networks: readonly DesiredNetwork[]): Promise<void>;
  /** Puts back the bridge, its address, its rules and its name server. */
  repair(names: readonly string[]): Promise<void>;
  /** Refuses while a running container is attached; stopped ones do not count: the plan replaces or removes them. */
  remove(names: readonly string[]): Promise<void>;
  /** By name, or by an unambiguous beginning of its id; without a look at what the kernel has of it. */
  find(name: string): Promise<LiveNetwork | undefined>;
  /** Follows a connection and tries it; changes nothing. */
  trace(request: TraceRequest): Promise<Trace>;
}

export interface Volumes {
  create(volumes: readonly DesiredVolume[]): Promise<void>;
  /**
   * Refuses while a container uses it. `force` forgives what is not there. `replacing`: stopped containers do not count, the plan
   * makes them anew once the volume is.
   */
  remove(names: readonly string[], options?: { force: boolean; replacing?: boolean }): Promise<void>;
  find(name: string): Promise<LiveVolume | undefined>;
  /** A copy of `from` as `to`: a new volume, or one that is there and empty. What is interrupted or fails leaves nothing. */
  clone(from: string, to: DesiredVolume, options: VolumeCopyOptions): Promise<VolumeCopyFacts>;
  /** As a tar stream, with owners, attributes and holes. */
  export(name: string): Promise<NodeJS.ReadableStream>;
  /** From a tar stream of anybody's, plain or compressed; `to` as in clone. */
  import(to: DesiredVolume, tar: NodeJS.ReadableStream, onProgress?: (bytes: number) => void): Promise<void>;
  diff(from: string, to: string): Promise<readonly VolumeChange[]>;
  /** Bytes that it takes on the disk; 0 of one that is mounted from elsewhere. */
  size(name: string): Promise<number>;
}

/** What went wrong with one member of a batch; the rest went on. */
export interface BatchResult {
  readonly failed: ReadonlyMap<string, Error>;
  /** What this host cannot do for a member and was done without, one clause each: `pids_limit is not set: …`. */
  readonly warnings: ReadonlyMap<string, readonly string[]>;
}

export interface Containers {
  /**
   * Makes them, without starting. `inheritsFrom` names the container whose anonymous volumes (same target) are taken over.
   * When that is the container's own name, the *stopped* container of this name is replaced: in one step (a crash leaves one
   * or the other) the new record takes the place of the old one, which is removed with its writable layer and log; anonymous
   * volumes that the new one has no use for stay. A running one is refused: stopping it is a step of its own. Without
   * `inheritsFrom` a container of the same name is an error, unless it was made from an equal DesiredContainer (every action
   * may be run twice). What a container that does not run has by number is free for who asks for that number; addresses in `avoid`
   * are given to nobody who does not.
   */
  create(
    wanted: readonly {
      readonly container: DesiredContainer;
      readonly inheritsFrom?: string;
      readonly avoid?: readonly string[];
    }[],
  ): Promise<BatchResult>;
  /**
   * Brings containers that exist, running or not, from what they were made from to `wanted`, without touching their processes: only
   * fields that plan/in-place.ts calls `live` may differ. What was allotted stays as it is wherever it still fits (addresses, host
   * ports chosen by the engine). Begun and not finished, it may be called again, with the same or with another wish: the snapshot
   * calls such a container damaged (`change`). `avoid`: by name, addresses that others are to have; one that it was given is left.
   */
  update(wanted: readonly DesiredContainer[], avoid?: ReadonlyMap<string, readonly string[]>): Promise<BatchResult>;
  /** Checks ports first, all at once, before anything is touched. */
  start(names: readonly string[], options?: StartOptions): Promise<BatchResult>;
  stop(names: readonly string[], options?: { graceMs?: number; signal?: string }): Promise<BatchResult>;
  kill(name: string, signal: string): Promise<void>;
  /** By the freezer. What is paused already, or runs already, is success; a stopped container is an error. */
  pause(names: readonly string[]): Promise<BatchResult>;
  unpause(names: readonly string[]): Promise<BatchResult>;
  repair(names: readonly string[]): Promise<BatchResult>;
  /** Kills what runs. Idempotent. */
  remove(names: readonly string[], options: { anonymousVolumes: boolean }): Promise<BatchResult>;
  /** Resolves when the condition holds; throws when it no longer can, saying why. */
  await(name: string, condition: 'started' | 'healthy' | 'completed', signal?: AbortSignal): Promise<void>;
  find(name: string): Promise<LiveContainer | undefined>;
  /** The present status first, then every change of it, from the supervisor; ends when the signal aborts or the container is removed. */
  watch(name: string, signal: AbortSignal): AsyncIterable<ContainerChange>;
  /** As `logs`, in batches, for who reads millions of lines; an empty batch says that all that had been written by then was read. */
  readLogs(name: string, options: LogOptions, signal?: AbortSignal): AsyncIterable<readonly LogLine[]>;
  /** Oldest first. `follow` goes on over restarts until the signal aborts or the container is removed. */
  logs(name: string, options: LogOptions, signal?: AbortSignal): AsyncIterable<LogLine>;
  /** With standard streams of this process; returns the exit code (126, 127 when it could not be run). */
  exec(name: string, request: ExecRequest): Promise<number>;
  /** As exec, without a standard input; its output is kept (the last 64 KiB) instead of printed. */
  runHook(name: string, hook: DesiredHook): Promise<{ readonly exitCode: number; readonly output: string }>;
  /** As exec, its whole output kept, up to 64 MiB a stream; without `input` there is none. */
  capture(name: string, run: DesiredHook & { readonly input?: Uint8Array }): Promise<CapturedRun>;
  /** The container's own streams joined to this process's, until it ends (its exit code) or the detach keys come (undefined). */
  attach(name: string, request: AttachRequest): Promise<number | undefined>;
  /** What it uses now; undefined when it does not run. */
  stats(name: string): Promise<ContainerStats | undefined>;
  /** Its processes, as this host sees them, the first process first. */
  processes(name: string): Promise<readonly ProcessFact[]>;
  /**
   * What happens from now on to containers of the instance, oldest first; ends when the signal aborts. With `sinceMs` (of 1970) first
   * what is still known of the time since then, also when the signal was aborted already: nobody keeps a history.
   */
  events(
    filter: { readonly project?: string; readonly sinceMs?: number },
    signal: AbortSignal,
  ): AsyncIterable<EngineEvent>;
  /** A tar stream of the file or folder at `path`, resolved inside the container, running or not. Mounted volumes are seen. */
  copyFrom(name: string, path: string, options: { readonly followLink: boolean }): Promise<NodeJS.ReadableStream>;
  /** Unpacks a tar stream into the folder at `path`, resolved inside the container. `keepIds: false`: all belongs to the container's user. */
  copyTo(name: string, path: string, tar: NodeJS.ReadableStream, options: { readonly keepIds: boolean }): Promise<void>;
  /** Between the container and an absolute path of this host, with the rules of `docker cp` (a slash or `/.` at the end counts). */
  copyOut(name: string, request: CopyRequest): Promise<void>;
  copyIn(name: string, request: CopyRequest & { readonly keepIds: boolean }): Promise<void>;
  /** The merged file system without mounts, as a tar stream. */
  export(name: string): Promise<NodeJS.ReadableStream>;
  /** The writable layer as a new image on top of the container's own. `changes`: Dockerfile instructions, as in import. */
  commit(name: string, options: CommitOptions): Promise<ImageInfo>;
  /** Bytes of the writable layer, and of it and the image together: the two figures of `docker ps --size`. */
  size(name: string): Promise<{ readonly writableBytes: number; readonly totalBytes: number }>;
}

export interface System {
  /** What this kernel and host offer, and what is missing with the command that mends it. */
  doctor(): Promise<readonly Finding[]>;
  /** Kernel objects that carry this instance's name and belong to nothing. */
  leftovers(): Promise<readonly Leftover[]>;
  fix(leftovers: readonly Leftover[]): Promise<void>;
}

export interface Finding {
  readonly topic: string;
  readonly level: 'ok' | 'warning' | 'error';
  readonly what: string;
  /** A command or an action. */
  readonly help?: string;
}

export interface Leftover {
  readonly kind: 'interface' | 'chain' | 'mount' | 'cgroup' | 'process' | 'file';
  readonly name: string;
  /** To whom it once belonged, where its name tells. */
  readonly owner?: string;
}
