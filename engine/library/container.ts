/** A container that a program has started. */
import type { Engine as Port } from '../../src/model/engine.ts';
import { TcomposeError } from '../../src/model/errors.ts';
import type { HealthStatus, LiveContainer } from '../../src/model/live.ts';
import type { ExecOptions, ExecResult, LogLine, LogsOptions, StopOptions, Wait } from './options.ts';
import { succeed } from './succeed.ts';
import { addressOf, waitFor } from './wait.ts';

/** What is told of a container at a moment. */
export interface ContainerState {
  readonly status: 'created' | 'running' | 'paused' | 'restarting' | 'removing' | 'exited' | 'dead';
  readonly health: HealthStatus;
  /** Of the last run; meaningful when `status` is `exited`. */
  readonly exitCode: number;
  readonly oomKilled: boolean;
  readonly restartCount: number;
}

/**
 * A container, as {@link Engine.start} gives it. It is removed by `remove()`, by `engine.close()`, or at the end of the block that it was
 * declared in with `await using`. All methods throw {@link EngineError}; after its removal with the code `container-unknown`.
 */
export class Container implements AsyncDisposable {
  /** By which the other containers of its engine reach it. */
  readonly name: string;
  /** 64 hexadecimal digits. */
  readonly id: string;
  /** What this host could not do for it and was left out, a clause each. */
  readonly warnings: readonly string[];
  readonly #port: Port;
  readonly #onRemoved: () => void;
  #live: LiveContainer;

  /** @internal */
  constructor(port: Port, name: string, live: LiveContainer, warnings: readonly string[], onRemoved: () => void) {
    this.#port = port;
    this.#live = live;
    this.#onRemoved = onRemoved;
    this.name = name;
    this.id = live.id;
    this.warnings = warnings;
  }

  /** On this host, as others know it: `PROJECT-NAME-1`. */
  get fullName(): string {
    return this.#live.name;
  }

  /** Its address, reached from this host on all of its ports: `172.18.0.2`. Undefined with `network: 'none'`. */
  get address(): string | undefined {
    return addressOf(this.#live);
  }

  /**
   * The port of this host that leads to a port of the container.
   * @param target One of `ports`.
   * @throws EngineError `port-not-published`.
   */
  port(target: number, protocol: 'tcp' | 'udp' | 'sctp' = 'tcp'): number {
    const found = this.#live.publishers.find((one) => one.target === target && one.protocol === protocol);
    if (found) return found.published;
    throw new TcomposeError(`container ${this.name} does not publish port ${target}/${protocol}`, {
      code: 'port-not-published',
      address: `container/${this.fullName}`,
      help: `start it with ports: [${target}]`,
    });
  }

  /** What it is doing now. */
  async state(): Promise<ContainerState> {
    const { status, health, exitCode, oomKilled, restartCount } = await this.#find();
    return { status, health, exitCode, oomKilled, restartCount };
  }

  /**
   * Runs a program in it, beside its own, and waits for its end. An exit code other than 0 is an answer and no error.
   * @param argv Words; no shell reads them.
   * @throws EngineError `container-not-running`, `container-paused`, `output-too-long` (64 MiB of one stream).
   */
  async exec(argv: readonly string[], options: ExecOptions = {}): Promise<ExecResult> {
    const { env = {}, user, workingDir, input } = options;
    const { exitCode, stdout, stderr } = await this.#port.containers.capture(this.fullName, {
      argv,
      env,
      privileged: false,
      ...(user === undefined ? {} : { user }),
      ...(workingDir === undefined ? {} : { workingDir }),
      ...(input === undefined ? {} : { input: typeof input === 'string' ? Buffer.from(input) : input }),
    });
    return { exitCode, stdout: stdout.toString(), stderr: stderr.toString() };
  }

  /** Lines that it has printed, oldest first, over restarts. */
  async *logs(options: LogsOptions = {}): AsyncGenerator<LogLine, void, undefined> {
    const { follow = false, tail, signal } = options;
    const wish = { follow, ...(tail === undefined ? {} : { tail }) };
    for await (const { stream, time, text } of this.#port.containers.logs(this.fullName, wish, signal))
      yield { stream, time, text: text.toString() };
  }

  /** All that it has printed so far on both streams, a line feed after each line. */
  async output(): Promise<string> {
    let text = '';
    for await (const line of this.logs()) text += `${line.text}\n`;
    return text;
  }

  /**
   * Until it is ready, as the `wait` of its start.
   * @param timeoutMs For all of them together.
   * @throws EngineError `not-ready`, `container-exited`, `container-unhealthy`, `healthcheck-missing`, with the end of its log.
   */
  async until(wait: Wait | readonly Wait[], timeoutMs = 60_000): Promise<void> {
    await waitFor(this.#port.containers, this.fullName, Array.isArray(wait) ? wait : [wait as Wait], timeoutMs);
  }

  /** Its exit code, when it has ended and no restart policy starts it again. */
  async ended(): Promise<number> {
    for await (const { status, exitCode } of this.#port.containers.watch(this.fullName, new AbortController().signal))
      if (status === 'exited' || status === 'dead') return exitCode;
    return (await this.#find()).exitCode;
  }

  /** Politely, then by force; it may be started again. What is stopped is left so. */
  async stop(options: StopOptions = {}): Promise<void> {
    succeed(await this.#port.containers.stop([this.fullName], options));
  }

  /** Starts it once more after a `stop` or its end, with the files it has written. What runs is left so. */
  async start(): Promise<void> {
    succeed(await this.#port.containers.start([this.fullName]));
    this.#live = await this.#find();
  }

  /** @param signal `SIGHUP`, `KILL`, `9`. */
  async kill(signal = 'KILL'): Promise<void> {
    await this.#port.containers.kill(this.fullName, signal);
  }

  /** All its processes stand still. */
  async pause(): Promise<void> {
    succeed(await this.#port.containers.pause([this.fullName]));
  }

  /** They go on from there. */
  async unpause(): Promise<void> {
    succeed(await this.#port.containers.unpause([this.fullName]));
  }

  /**
   * Copies a file or folder of this host into it, running or not, with the rules of `docker cp`.
   * @param from Absolute path on this host.
   * @param to Path in the container.
   */
  async copyIn(from: string, to: string): Promise<void> {
    await this.#port.containers.copyIn(this.fullName, { from, to, followLink: false, keepIds: false });
  }

  /** Copies a file or folder of it to an absolute path of this host. */
  async copyOut(from: string, to: string): Promise<void> {
    await this.#port.containers.copyOut(this.fullName, { from, to, followLink: false });
  }

  /** With its files, its log and its anonymous volumes. What runs is killed; what is gone is success. */
  async remove(): Promise<void> {
    succeed(await this.#port.containers.remove([this.fullName], { anonymousVolumes: true }));
    this.#onRemoved();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.remove();
  }

  async #find(): Promise<LiveContainer> {
    const live = await this.#port.containers.find(this.fullName);
    if (live) return live;
    throw new TcomposeError(`container ${this.name} was removed`, {
      code: 'container-unknown',
      address: `container/${this.fullName}`,
    });
  }
}
