/** What this host offers and what is lying about, for `tcompose system doctor`. */
import type { Finding, Leftover } from '../model/engine.ts';
import type { Context } from './context.ts';

export interface DoctorReport {
  readonly findings: readonly Finding[];
  readonly leftovers: readonly Leftover[];
  /** The leftovers were removed. */
  readonly fixed: boolean;
}

export async function doctor({ engine }: Context, options: { readonly fix?: boolean } = {}): Promise<DoctorReport> {
  const [findings, leftovers] = await Promise.all([engine.system.doctor(), engine.system.leftovers()]);
  const fixed = options.fix === true && leftovers.length > 0;
  if (fixed) await engine.system.fix(leftovers);
  return { findings, leftovers, fixed };
}
