/** What happens while a plan is applied: the one stream that listr2, plain lines, JSON and later the API render. */
import type { Step } from './plan.ts';

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
  | { readonly type: 'done'; readonly step: Step; readonly elapsedMs: number }
  | { readonly type: 'failed'; readonly step: Step; readonly error: Error; readonly elapsedMs: number }
  | { readonly type: 'skipped'; readonly step: Step; readonly because: string }
  /** What a hook printed: whole lines of the container `source`. */
  | { readonly type: 'output'; readonly step: Step; readonly source: string; readonly text: string }
  | { readonly type: 'warning'; readonly text: string };

export type Emit = (event: ProgressEvent) => void;
