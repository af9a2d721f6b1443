/** Walks the graph of a plan: whatever is ready goes to the engine at once, in one call a kind. Decides nothing. */
import type { Engine } from '../model/engine.ts';
import type { Emit } from '../model/events.ts';
import type { ActionArgs, ActionKind, Plan, Step } from '../model/plan.ts';
import { EXECUTORS, type Executor, type Failures, type Hands } from './executors.ts';

export interface ApplyContext {
  readonly engine: Engine;
  readonly emit: Emit;
  /** Aborted: nothing new is begun, waiting ends, what is under way is finished. */
  readonly signal: AbortSignal;
  readonly clock: () => number;
  /** Texts of secrets that builds use, by digest: no part of a plan. */
  readonly contents?: ReadonlyMap<string, Uint8Array>;
}

export interface ApplyResult {
  readonly done: readonly Step[];
  readonly failed: readonly { readonly step: Step; readonly error: Error }[];
  readonly skipped: readonly Step[];
  readonly interrupted: boolean;
}

/** Never rejects because of a step: a failure skips what rests on it and lets everything else finish. */
export async function apply(plan: Plan, context: ApplyContext): Promise<ApplyResult> {
  context.emit({ type: 'plan', steps: plan.steps });
  const walk = new Walk(plan, context);
  await walk.finished;
  return walk;
}

/** Lives as long as one plan is applied. */
class Walk implements ApplyResult {
  readonly done: Step[] = [];
  readonly failed: { readonly step: Step; readonly error: Error }[] = [];
  readonly skipped: Step[] = [];
  interrupted = false;
  readonly finished: Promise<void>;
  readonly #context: ApplyContext;
  readonly #project: string;
  readonly #waiting = new Map<Step, number>();
  readonly #dependents = new Map<string, Step[]>();
  #ready: Step[] = [];
  #running = 0;
  readonly #warned = new Set<string>();
  #finish!: () => void;

  constructor(plan: Plan, context: ApplyContext) {
    this.#context = context;
    this.#project = plan.project;
    this.finished = new Promise((resolve) => {
      this.#finish = resolve;
    });
    for (const step of plan.steps) {
      this.#waiting.set(step, step.after.length);
      for (const id of step.after) append(this.#dependents, id, step);
      if (step.after.length === 0) this.#ready.push(step);
    }
    this.#dispatch();
  }

  /** Hands out all that is ready; called whenever a call of the engine has come back. */
  #dispatch(): void {
    if (this.#context.signal.aborted) this.#interrupt();
    const batches = new Map<string, Step[]>();
    for (const step of this.#ready) {
      append(batches, batchKey(step), step);
    }
    this.#ready = [];
    for (const steps of batches.values()) {
      this.#running += 1;
      void this.#run(steps);
    }
    if (this.#running === 0) this.#finish();
  }

  async #run(steps: readonly Step[]): Promise<void> {
    const { clock, emit } = this.#context;
    const startedAt = clock();
    for (const step of steps) {
      this.#waiting.delete(step);
      emit({ type: 'started', step });
    }
    const step = steps[0]!;
    const failures = await execute(steps, this.#context.engine, {
      signal: this.#context.signal,
      contents: this.#context.contents ?? new Map(),
      warn: (text) => this.#warn(text),
      print: (text) => this.#print(step, text),
      tell: (text, current, total) => emit({ type: 'progress', step, text, current, total }),
      onLayer: (progress) => emit({ type: 'layer', step, progress }),
      onBuild: (event) => emit({ type: 'build', step, event }),
      onBuilt: (built) => emit({ type: 'built', step, built }),
    });
    const elapsedMs = clock() - startedAt;
    for (const [index, step] of steps.entries()) this.#settle(step, failures.get(index), elapsedMs);
    this.#running -= 1;
    this.#dispatch();
  }

  #print(step: Step, text: string): void {
    if (!('container' in step.action) || typeof step.action.container !== 'string' || text === '') return;
    const own = `${this.#project}-`;
    const { container } = step.action;
    const source = container.startsWith(own) ? container.slice(own.length) : container;
    this.#context.emit({ type: 'output', step, source, text });
  }

  /** Creating and starting may both say the same. */
  #warn(text: string): void {
    if (this.#warned.has(text)) return;
    this.#warned.add(text);
    this.#context.emit({ type: 'warning', text });
  }

  #settle(step: Step, error: Error | undefined, elapsedMs: number): void {
    const { emit, signal } = this.#context;
    const isOptional = mayFail(step);
    if (error && signal.aborted && ENDS_BY_SIGNAL.has(step.action.kind)) {
      this.#skip(step, INTERRUPTED);
      return;
    }
    if (error && !isOptional) {
      this.failed.push({ step, error });
      emit({ type: 'failed', step, error, elapsedMs });
      this.#skipDependents(step, `${step.id} failed`);
      return;
    }
    if (error && step.action.kind === 'image.pull') {
      this.skipped.push(step);
      emit({ type: 'skipped', step, because: `${error.message}: it is built` });
    } else {
      if (error) emit({ type: 'warning', text: `${error.message} (not required)` });
      this.done.push(step);
      emit({ type: 'done', step, elapsedMs });
    }
    for (const dependent of this.#dependents.get(step.id) ?? []) this.#release(dependent);
  }

  #release(step: Step): void {
    const left = this.#waiting.get(step);
    if (left === undefined) return;
    this.#waiting.set(step, left - 1);
    if (left === 1) this.#ready.push(step);
  }

  #skip(step: Step, because: string): void {
    this.#waiting.delete(step);
    this.skipped.push(step);
    if (because === INTERRUPTED) this.interrupted = true;
    this.#context.emit({ type: 'skipped', step, because });
    this.#skipDependents(step, because);
  }

  #skipDependents(step: Step, because: string): void {
    for (const dependent of this.#dependents.get(step.id) ?? [])
      if (this.#waiting.has(dependent)) this.#skip(dependent, because);
  }

  #interrupt(): void {
    this.#ready = [];
    for (const step of [...this.#waiting.keys()]) if (this.#waiting.has(step)) this.#skip(step, INTERRUPTED);
  }
}

function mayFail({ action }: Step): boolean {
  if (action.kind === 'container.await') return !action.required;
  return action.kind === 'image.pull' && action.isBuiltElse === true;
}

/** An error of these says no more than that they were interrupted. */
const ENDS_BY_SIGNAL: ReadonlySet<ActionKind> = new Set(['container.await', 'image.pull', 'image.push', 'image.build']);

const INTERRUPTED = 'interrupted';

function append<K>(lists: Map<K, Step[]>, key: K, step: Step): void {
  const list = lists.get(key);
  if (list) list.push(step);
  else lists.set(key, [step]);
}

function batchKey({ id, action }: Step): string {
  const { batch } = EXECUTORS[action.kind] as Executor<ActionKind>;
  const key = batch === undefined ? '' : batch(action);
  return `${action.kind} ${key ?? id}`;
}

/** What the engine throws concerns all of the call. */
async function execute(steps: readonly Step[], engine: Engine, hands: Hands): Promise<Failures> {
  const { run } = EXECUTORS[steps[0]!.action.kind] as Executor<ActionKind>;
  try {
    return await run(
      engine,
      steps.map(({ action }) => action as ActionArgs[ActionKind]),
      hands,
    );
  } catch (thrown) {
    const error = thrown instanceof Error ? thrown : new Error(String(thrown));
    return new Map(steps.map((_, index) => [index, error]));
  }
}
