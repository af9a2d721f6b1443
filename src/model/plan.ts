/** A plan: typed steps, what each rests on, and why. Pure data: it can be shown, saved, compared and applied. */
import type { PlannedBuild } from './build.ts';
import type { DesiredContainer, DesiredHook, DesiredNetwork, DesiredVolume } from './desired.ts';
import type { SourceRange } from './source.ts';

/** The vocabulary: unions and executors derive from it, so a new action is one line here and the compiler lists the rest. */
export interface ActionArgs {
  'network.create': { readonly network: DesiredNetwork };
  'network.repair': { readonly network: string };
  'network.remove': { readonly network: string };
  'volume.create': { readonly volume: DesiredVolume };
  /** `replacing`: stopped containers that mount it do not count; they are about to be made anew. */
  'volume.remove': { readonly volume: string; readonly replacing?: boolean };
  /** From its registry; `platform` where it is not this host's. */
  'image.pull': {
    readonly image: string;
    readonly platform?: string;
    /** It can be built, too: that its registry does not have it is no failure. */
    readonly isBuiltElse?: true;
  };
  /** `image` is the first of its names; `service`: whose `build` says how. */
  'image.build': { readonly image: string; readonly service?: string; readonly build: PlannedBuild };
  /** To its registry. */
  'image.push': { readonly image: string };
  'image.remove': { readonly image: string };
  /** `inheritsFrom`: the replaced container, whose anonymous volumes are taken over; its own name: see model/engine.ts. */
  'container.create': { readonly container: DesiredContainer; readonly inheritsFrom?: string } & Avoiding;
  /** Brings it from what it was made from to this, its process untouched; a stopped one gets a new record only. */
  'container.update': { readonly container: DesiredContainer } & Avoiding;
  /** `isRestart`: half of a restart that was asked for, which is told to those who follow events. */
  'container.start': { readonly container: string; readonly isRestart?: boolean };
  /** A container of pre_start, from its making to its removal; one that fails stays, for a look, until the next time. */
  'container.prepare': { readonly container: string; readonly init: DesiredContainer };
  /** Puts back interfaces, addresses and firewall rules of a running container; its process is not touched. */
  'container.repair': { readonly container: string };
  'container.pause': { readonly container: string };
  'container.unpause': { readonly container: string };
  /** A command of the file run in it after a start or before a stop; a failure fails the step. */
  'container.hook': {
    readonly container: string;
    readonly when: 'postStart' | 'preStop';
    /** Of its list, from 1. */
    readonly number: number;
    readonly hook: DesiredHook;
  };
  'container.stop': { readonly container: string; readonly graceMs?: number };
  'container.kill': { readonly container: string; readonly signal: string };
  'container.remove': { readonly container: string; readonly anonymousVolumes: boolean };
  'container.await': {
    readonly container: string;
    readonly condition: 'started' | 'healthy' | 'completed';
    /** false: a failure of the dependency is a warning. */
    readonly required: boolean;
  };
}

/** Addresses on its networks that others ask for by number: it takes none of them, and does not keep one that it was given. */
export interface Avoiding {
  readonly avoid?: readonly string[];
}

export type ActionKind = keyof ActionArgs;
export type Action = { [K in ActionKind]: { readonly kind: K } & ActionArgs[K] }[ActionKind];

/** Explains, never steers: apply may not read it. */
export interface Reason {
  readonly code: 'missing' | 'changed' | 'damaged' | 'unwanted' | 'requested' | 'dependency' | 'stopped';
  /** `environment.LOG_LEVEL`, for a change. */
  readonly field?: string;
  readonly from?: unknown;
  readonly to?: unknown;
  /** Free text, for damage: `interface tcv-… is gone`. */
  readonly text?: string;
  readonly at?: SourceRange;
}

export interface Step {
  /** Readable and stable: `container.create shop-web-1`. */
  readonly id: string;
  readonly action: Action;
  /** Ids of the steps that must be done before. */
  readonly after: readonly string[];
  readonly because: readonly Reason[];
  readonly losesData?: true;
}

export interface Plan {
  readonly project: string;
  readonly steps: readonly Step[];
  /** Things worth saying that need no step: orphans, names that belong to somebody else. */
  readonly warnings: readonly string[];
}
