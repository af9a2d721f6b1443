/** What a build tells of its steps while it goes on. */
import type { BuildEvent, BuildRequest, BuildStepInfo } from '../../../src/model/build.ts';
import type { Diagnostic } from '../../../src/model/diagnostic.ts';

/** Of one step, for who does it. */
export interface Voice {
  readonly id: string;
  /** It came from the cache. */
  cached(): void;
  /** Waits until it was taken. */
  output(stream: 'stdout' | 'stderr', bytes: Uint8Array): Promise<void>;
  progress(what: string, bytes: number, total?: number): void;
}

export interface Steps {
  /** Begins, does, and tells how it ended; throws what `work` throws. */
  run<T>(title: string, stage: string | undefined, work: (voice: Voice) => Promise<T>): Promise<T>;
  finding(finding: Diagnostic): void;
}

/** `signal`: of the build as a whole; what ends after it was aborted was canceled, but for the step that is why. */
export function makeSteps({ onEvent }: Pick<BuildRequest, 'onEvent'>, signal: AbortSignal): Steps {
  let count = 0;
  const tell = async (event: BuildEvent): Promise<void> => onEvent?.(event);
  /** Of what nobody waits for: a listener that fails is told so by the next step. */
  const mention = (event: BuildEvent): void => void tell(event).catch(() => undefined);
  const voiceOf = (id: string, onCached: () => void): Voice => ({
    id,
    cached: onCached,
    output: (stream, bytes) => tell({ type: 'output', step: id, stream, bytes }),
    progress: (what, bytes, total) =>
      mention({ type: 'progress', step: id, what, bytes, ...(total !== undefined && { total }) }),
  });
  return {
    finding: (finding) => mention({ type: 'finding', finding }),
    async run(title, stage, work) {
      const step: BuildStepInfo = { id: `${++count}`, title, ...(stage !== undefined && { stage }) };
      const begun = performance.now();
      let isCached = false;
      await tell({ type: 'step', step, state: 'started' });
      const elapsed = () => Math.round(performance.now() - begun);
      try {
        const result = await work(voiceOf(step.id, () => (isCached = true)));
        await tell({ type: 'step', step, state: isCached ? 'cached' : 'done', elapsedMs: elapsed() });
        return result;
      } catch (error) {
        const state = signal.aborted ? 'canceled' : 'failed';
        await tell({ type: 'step', step, state, elapsedMs: elapsed(), error: (error as Error).message });
        throw error;
      }
    },
  };
}
