/** What goes in and out of containers: lines of logs, attached clients, programs run beside the first one. */

export interface AttachRequest {
  readonly stdin: boolean;
  /** Of keys after which the client leaves: `ctrl-p,ctrl-q`; '' for none. */
  readonly detachKeys: string;
  /** Signals that this process gets are passed on. */
  readonly proxySignals: boolean;
  /** Of a container made with `foreground`, right after its start: nothing is missed, and the end of our input is the end of its own. */
  readonly owns?: boolean;
  readonly signal?: AbortSignal;
}

export interface StartOptions {
  /** Those who follow events hear of it as of a restart. */
  readonly isRestart?: boolean;
  /** Somebody reads at once, with `live`, what they print: where no log is kept, none of it is lost. */
  readonly watched?: boolean;
}

export interface LogOptions {
  readonly follow: boolean;
  /** With `follow`: where no log is kept, what is printed from now on, instead of an error. */
  readonly live?: boolean;
  /** With `follow`: when it aborts, what has been written by then is read, and nothing is waited for. */
  readonly end?: AbortSignal;
  /** Last N lines; absent: all. */
  readonly tail?: number;
  /** Milliseconds since 1970. */
  readonly sinceMs?: number;
  readonly untilMs?: number;
}

export interface LogLine {
  readonly stream: 'stdout' | 'stderr';
  /** RFC 3339 with nanoseconds, UTC. */
  readonly time: string;
  /** Without the newline; a partial line (longer than 16 KiB) is joined to its rest. */
  readonly text: Buffer;
}

export interface ExecRequest {
  readonly argv: readonly string[];
  /** true: a pseudo-terminal by node-pty, this process's terminal in raw mode, its resizes passed on. */
  readonly tty: boolean;
  readonly interactive: boolean;
  readonly detach: boolean;
  readonly env: Readonly<Record<string, string>>;
  readonly user?: string;
  readonly workingDir?: string;
  readonly privileged: boolean;
  /** With `tty`: keys after which the client leaves, `ctrl-p,ctrl-q`; absent: Docker's default. */
  readonly detachKeys?: string;
}

export interface CapturedRun {
  /** 126, 127 when it could not be run; then `stderr` says why. */
  readonly exitCode: number;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
}
