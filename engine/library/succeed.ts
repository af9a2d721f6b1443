/** A batch whose members all have to succeed. */
import type { BatchResult } from '../../src/model/engine.ts';

/** Throws the first failure. */
export function succeed({ failed }: BatchResult): void {
  for (const error of failed.values()) throw error;
}
