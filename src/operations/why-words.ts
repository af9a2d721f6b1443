/** What a hop of a connection is, and the words that several of them use. */
import type { Trace, TraceParty, TraceRequest } from '../model/trace.ts';

export type HopName = 'asker' | 'name' | 'address' | 'published' | 'route' | 'links' | 'rules' | 'listener' | 'connect';

export interface Hop {
  readonly hop: HopName;
  /** `warning`: not as it should be, and the connection works nonetheless. */
  readonly state: 'ok' | 'broken' | 'warning';
  /** One clause. */
  readonly says: string;
  /** What to do, in the imperative. */
  readonly help?: string;
}

export interface Why {
  readonly from: string;
  readonly to: string;
  readonly works: boolean;
  readonly brokenAt?: HopName;
  readonly hops: readonly Hop[];
}

/** What the files say, as far as a help text needs it. */
export interface Wording {
  /** `shop-web-1` → `web`. */
  readonly serviceOf: (container: string) => string;
  /** `shop_back` → `back`, as the file calls it. */
  readonly networkOf: (network: string) => string;
}

export interface Question extends Wording {
  readonly request: TraceRequest;
  /** Names that the project gives: services, containers, aliases; for a slip of the finger. */
  readonly known?: readonly string[];
  readonly trace: Trace;
}

export const ok = (hop: HopName, says: string): Hop => ({ hop, state: 'ok', says });
export const broken = (hop: HopName, says: string, help?: string): Hop => ({
  hop,
  state: 'broken',
  says,
  ...(help === undefined ? {} : { help }),
});

export const MEND = 'put back what is missing:\n  tcompose up -d';
export const linkWords = ({ kind, name }: Trace['links'][number]): string =>
  kind === 'bridge'
    ? `the bridge ${name}`
    : kind === 'parent'
      ? `the parent interface ${name}`
      : kind === 'inside'
        ? `the interface ${name} in the container`
        : `the host's end ${name}`;
export const isSilence = (error: string | undefined): boolean =>
  error !== undefined && !['ENOTFOUND', 'ENODATA', 'EREFUSED'].includes(error);
export const stateWords = ({ status, exitCode }: Pick<TraceParty, 'status' | 'exitCode'>): string =>
  status === 'exited' ? `exited with ${exitCode}` : status === 'created' ? 'created, never started' : status;
export const startHelp = ({ container }: TraceParty, serviceOf: Question['serviceOf']): string =>
  `see why, and start it:\n  tcompose logs ${serviceOf(container)}\n  tcompose up -d ${serviceOf(container)}`;
export const isUp = ({ status }: Pick<TraceParty, 'status'>): boolean =>
  status === 'running' || status === 'paused' || status === 'restarting';
