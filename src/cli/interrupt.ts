/** Ctrl-C and its relatives: the first asks, the second insists. */
import type { InterruptSignal } from './command.ts';

export interface Interrupt {
  /** Aborted by the first, unless a listener took over. */
  readonly signal: AbortSignal;
  /** What came first, for the exit code. */
  readonly received: InterruptSignal | undefined;
  /** Takes over: called for each, with how many have come. */
  listen(listener: (signal: InterruptSignal, times: number) => void): void;
  /** From now on signals are noticed; before, they end the process as they always do. */
  arm(): void;
  abort(): void;
}

const SIGNALS: readonly InterruptSignal[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** `insist`: the second one without a listener: leave at once. Every action may be run twice, so nothing breaks by it. */
export function createInterrupt(insist: (signal: InterruptSignal) => void): Interrupt {
  const controller = new AbortController();
  let received: InterruptSignal | undefined;
  let times = 0;
  let isArmed = false;
  let listener = (signal: InterruptSignal, count: number) => {
    if (count > 1) insist(signal);
    else controller.abort();
  };
  return {
    signal: controller.signal,
    get received() {
      return received;
    },
    listen: (take) => {
      listener = take;
    },
    arm: () => {
      if (isArmed) return;
      isArmed = true;
      for (const signal of SIGNALS) {
        process.on(signal, () => {
          received ??= signal;
          listener(signal, ++times);
        });
      }
    },
    abort: () => controller.abort(),
  };
}
