/** What the engine tells of containers, and what it is asked about their files. */
import type { ContainerStatus, HealthStatus } from './live.ts';

/** Counters since its start; the reader of two makes rates of them. */
export interface ContainerStats {
  /** Milliseconds since 1970. */
  readonly atMs: number;
  readonly cpuUs: number;
  /** Without the page cache that can go at once (Docker's rule: inactive_file taken off). */
  readonly memoryBytes: number;
  /** The limit, or all memory of the host. */
  readonly memoryLimitBytes: number;
  readonly pids: number;
  readonly network: { readonly receivedBytes: number; readonly sentBytes: number };
  readonly blockIo: { readonly readBytes: number; readonly writtenBytes: number };
}

export interface ProcessFact {
  readonly pid: number;
  readonly parent: number;
  /** Name on this host, or the number. */
  readonly user: string;
  /** CPU use since its start, whole percent. */
  readonly cpuPercent: number;
  readonly startedAtMs: number;
  readonly terminal: string;
  readonly cpuMs: number;
  readonly command: string;
}

export interface EngineEvent {
  /** ISO 8601 with what precision there is. */
  readonly at: string;
  readonly action:
    | 'create'
    | 'start'
    | 'restart'
    | 'die'
    | 'oom'
    | 'stop'
    | 'kill'
    | 'pause'
    | 'unpause'
    | 'health_status'
    | 'exec_create'
    | 'exec_start'
    | 'exec_die'
    | 'destroy';
  readonly container: string;
  readonly id: string;
  readonly labels: Readonly<Record<string, string>>;
  /** `exitCode`, `signal`, `health`, `execID`; `command` of what is run beside the first program, … */
  readonly attributes: Readonly<Record<string, string>>;
}

export interface CopyRequest {
  readonly from: string;
  readonly to: string;
  /** A link as the source: what it leads to is copied, under the link's name. */
  readonly followLink: boolean;
}

export interface CommitOptions {
  readonly ref?: string;
  readonly changes: readonly string[];
  readonly message?: string;
  readonly author?: string;
  /** Freeze it while its files are read. */
  readonly pause: boolean;
}

export interface ContainerChange {
  readonly status: ContainerStatus;
  readonly health: HealthStatus;
  readonly exitCode: number;
  readonly restartCount: number;
}
