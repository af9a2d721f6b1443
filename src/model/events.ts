/** What happens while a plan is applied: the one stream that listr2, plain lines, JSON and later the API render. */
import type { BuildEvent, Built } from './build.ts';
import type { Step } from './plan.ts';
import type { PullProgress } from './pull.ts';

export type ProgressEvent =
  | { readonly type: 'plan'; readonly steps: readonly Step[] }
  | { readonly type: 'started'; readonly step: Step }
  | {
      readonly type: 'progress';
      readonly step: Step;
      readonly text: string;
      readonly current?: number;
      readonly total?: number;
    }
  /** Of a pull, beside `progress`, which sums them up. */
  | { readonly type: 'layer'; readonly step: Step; readonly progress: PullProgress }
  /** What a build tells. */
  | { readonly type: 'build'; readonly step: Step; readonly event: BuildEvent }
  | { readonly type: 'built'; readonly step: Step; readonly built: Built }
  | { readonly type: 'done'; readonly step: Step; readonly elapsedMs: number }
  | { readonly type: 'failed'; readonly step: Step; readonly error: Error; readonly elapsedMs: number }
  | { readonly type: 'skipped'; readonly step: Step; readonly because: string }
  /** What a hook printed: whole lines of the container `source`. */
  | { readonly type: 'output'; readonly step: Step; readonly source: string; readonly text: string }
  | { readonly type: 'warning'; readonly text: string };

export type Emit = (event: ProgressEvent) => void;
