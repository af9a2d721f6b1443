/**
 * What happens to containers, as it happens: their records and the states of their supervisors are small files that are replaced as a
 * whole, and inotify tells when; what is run beside the first program leaves a line (trace.ts). Nobody has to keep a history, and nobody
 * else has to run for this.
 */
import { type FSWatcher, watch } from 'node:fs';
import { join } from 'node:path';
import type { EngineEvent } from '../../src/model/engine.ts';
import type { Host } from '../host.ts';
import { projectOf, readContainerRecords } from '../state/container-records.ts';
import { makeFolder, readText } from '../state/files.ts';
import { containerDir, containerRun } from '../state/paths.ts';
import type { ContainerRecord } from '../state/records.ts';
import { parseState, type SupervisorState } from '../supervise/state-file.ts';
import { type Change, changesBetween } from './changes.ts';
import { pastOf } from './past.ts';
import { commandWords, TraceReader } from './trace.ts';

/** Ends when the signal aborts. `sinceMs`: what is still known of the time since then comes first. */
export async function* engineEvents(
  host: Host,
  filter: { readonly project?: string; readonly sinceMs?: number },
  signal: AbortSignal,
): AsyncGenerator<EngineEvent> {
  await host.instance();
  const queue: EngineEvent[] = [];
  let wake = (): void => {};
  const observer = new Observer(host, filter.project, (event) => {
    queue.push(event);
    wake();
  });
  const onAbort = () => wake();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    observer.begin(filter.sinceMs);
    yield* queue.splice(0);
    while (!signal.aborted) {
      yield* queue.splice(0);
      if (queue.length > 0 || signal.aborted) continue;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
    observer.end();
  }
}

interface Observed {
  readonly record: ContainerRecord;
  state: SupervisorState | undefined;
  readonly trace: TraceReader;
  readonly watchers: Map<string, FSWatcher>;
}

class Observer {
  readonly #host: Host;
  readonly #project: string | undefined;
  readonly #emit: (event: EngineEvent) => void;
  readonly #known = new Map<string, Observed>();
  readonly #tops: FSWatcher[] = [];
  #looking: NodeJS.Immediate | undefined;

  constructor(host: Host, project: string | undefined, emit: (event: EngineEvent) => void) {
    this.#host = host;
    this.#project = project;
    this.#emit = emit;
  }

  /** What is there already is where it begins from, and what it tells of the past. */
  begin(sinceMs: number | undefined): void {
    for (const top of [this.#host.paths.root, this.#host.paths.run]) {
      const folder = join(top, 'containers');
      makeFolder(folder);
      this.#tops.push(watch(folder, () => this.#lookSoon()));
    }
    const past = this.#records().flatMap((record) => {
      const observed = this.#observe(record);
      observed.state = this.#readState(record);
      return pastOf(record, observed.state, observed.trace.read()).map((change) => ({ record, change }));
    });
    if (sinceMs === undefined) return;
    const wanted = past.filter(({ change }) => Date.parse(change.at!) >= sinceMs);
    wanted.sort((a, b) => Date.parse(a.change.at!) - Date.parse(b.change.at!));
    for (const { record, change } of wanted) this.#tell(record, change);
  }

  end(): void {
    clearImmediate(this.#looking);
    for (const watcher of this.#tops) watcher.close();
    for (const observed of this.#known.values()) closeAll(observed);
  }

  #records(): readonly ContainerRecord[] {
    const all = readContainerRecords(this.#host.paths);
    return this.#project === undefined ? all : all.filter((record) => projectOf(record) === this.#project);
  }

  #observe(record: ContainerRecord): Observed {
    const trace = new TraceReader(containerRun(this.#host.paths, record.id));
    const observed: Observed = { record, state: undefined, trace, watchers: new Map() };
    this.#known.set(record.id, observed);
    this.#watchFolders(observed);
    return observed;
  }

  /** The run folder comes with the first start, and again after a start that failed. */
  #watchFolders(observed: Observed): void {
    const { id } = observed.record;
    const { paths } = this.#host;
    const follow = (folder: string, on: (name: string) => void) => {
      if (observed.watchers.has(folder)) return;
      try {
        const watcher = watch(folder, (_, name) => on(name ?? ''));
        watcher.on('error', () => forget(observed, folder));
        observed.watchers.set(folder, watcher);
      } catch {
        // Not there yet, or not any more: the folder above tells when that changes.
      }
    };
    follow(containerDir(paths, id), (name) => name === 'container.json' && this.#lookSoon());
    follow(containerRun(paths, id), (name) => this.#onRunFile(observed, name));
  }

  #onRunFile(observed: Observed, name: string): void {
    if (name === 'state') this.#look(observed);
    if (name === 'trace') this.#readTrace(observed);
  }

  #readTrace({ record, trace }: Observed): void {
    for (const change of trace.read()) this.#tell(record, change);
  }

  /** The copy that outlives RUN, where that is gone. */
  #readState({ id }: ContainerRecord): SupervisorState | undefined {
    const text = readText(join(containerRun(this.#host.paths, id), 'state'));
    return parseState(text ?? readText(join(containerDir(this.#host.paths, id), 'exit')) ?? '');
  }

  #look(observed: Observed): void {
    const now = this.#readState(observed.record);
    if (now === undefined) return;
    for (const change of changesBetween(observed.state, now)) this.#tell(observed.record, change);
    observed.state = now;
  }

  /** Many folders change together: they are looked at once. */
  #lookSoon(): void {
    this.#looking ??= setImmediate(() => {
      this.#looking = undefined;
      this.#lookAround();
    });
  }

  #lookAround(): void {
    const records = new Map(this.#records().map((record) => [record.id, record]));
    for (const [id, observed] of this.#known) {
      if (records.has(id)) continue;
      this.#look(observed);
      this.#readTrace(observed);
      closeAll(observed);
      this.#known.delete(id);
      this.#tell(observed.record, { action: 'destroy', attributes: {} });
    }
    for (const [id, record] of records) {
      const known = this.#known.get(id);
      if (known === undefined) this.#tell(record, { action: 'create', at: record.createdAt, attributes: {} });
      const observed = known ?? this.#observe(record);
      const runFolder = containerRun(this.#host.paths, id);
      const isNew = !observed.watchers.has(runFolder);
      this.#watchFolders(observed);
      // It may have run and ended before anybody watched.
      if (!isNew) continue;
      this.#look(observed);
      this.#readTrace(observed);
    }
  }

  #tell(record: ContainerRecord, { action, at, attributes }: Change): void {
    const { labels, image, healthcheck } = record.madeFrom;
    // Those that the trace does not know are checks.
    const isProbe = (action === 'exec_create' || action === 'exec_start') && attributes['command'] === undefined;
    const probe = isProbe && healthcheck ? { command: commandWords(healthcheck.test) } : {};
    const about = { image: image.ref, name: record.name };
    this.#emit({
      at: at ?? new Date().toISOString(),
      action,
      container: record.name,
      id: record.id,
      labels,
      attributes: { ...attributes, ...probe, ...about },
    });
  }
}

function forget(observed: Observed, folder: string): void {
  observed.watchers.get(folder)?.close();
  observed.watchers.delete(folder);
}

function closeAll(observed: Observed): void {
  observed.trace.close();
  for (const folder of [...observed.watchers.keys()]) forget(observed, folder);
}
