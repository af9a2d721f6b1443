/** Plan → stable text: what changes, resource by resource, each with its reasons and lines; and the steps below it. */
import type { Plan, Reason, Step } from '../model/plan.ts';
import type { SourceRange } from '../model/source.ts';

export type ChangeKind = 'create' | 'recreate' | 'change' | 'remove' | 'wait';

/** All steps that concern one resource, as one line for people: what `plan` shows, plain or coloured. */
export interface Change {
  readonly kind: ChangeKind;
  /** `container shop-web-1` */
  readonly resource: string;
  /** `create`, `recreate`, `restart`, `start`, `update in place`, `repair`, `stop`, `kill`, `remove`, `replace`, `wait until healthy` */
  readonly verb: string;
  readonly because: readonly Reason[];
  readonly losesData: boolean;
  readonly steps: readonly Step[];
}

export const SYMBOL: Readonly<Record<ChangeKind, string>> = {
  create: '+',
  recreate: '-/+',
  change: '~',
  remove: '-',
  wait: '·',
};

export function changesOf(plan: Plan): readonly Change[] {
  const groups = new Map<string, Step[]>();
  for (const step of plan.steps) {
    const key = resourceOf(step);
    const group = groups.get(key);
    if (group) group.push(step);
    else groups.set(key, [step]);
  }
  return [...groups].map(([resource, steps]) => {
    const { kind, verb } = classify(steps);
    const because = steps.flatMap((step) =>
      step.action.kind === 'container.await' && kind !== 'wait' ? [] : step.because,
    );
    return { kind, resource, verb, because, losesData: steps.some((step) => step.losesData), steps };
  });
}

function resourceOf({ action, id }: Step): string {
  const type = action.kind.slice(0, action.kind.indexOf('.'));
  return `${type} ${id.split(' ')[1]}`;
}

function classify(steps: readonly Step[]): { readonly kind: ChangeKind; readonly verb: string } {
  const verbs = new Set(steps.map(({ action }) => action.kind.slice(action.kind.indexOf('.') + 1)));
  if (verbs.has('create')) {
    const replaces = verbs.has('stop') || verbs.has('remove') || steps.some(isReplacement);
    if (!replaces) return { kind: 'create', verb: 'create' };
    return { kind: 'recreate', verb: steps[0]?.action.kind.startsWith('container.') ? 'recreate' : 'replace' };
  }
  if (verbs.has('remove')) return { kind: 'remove', verb: 'remove' };
  if (verbs.has('stop')) return { kind: 'change', verb: verbs.has('start') ? 'restart' : 'stop' };
  if (verbs.has('update') && !verbs.has('start')) return { kind: 'change', verb: 'update in place' };
  for (const verb of ['start', 'repair', 'kill']) if (verbs.has(verb)) return { kind: 'change', verb };
  if (verbs.has('pull') || verbs.has('build')) {
    const verb = ['pull', 'build'].filter((one) => verbs.has(one)).join(' or ');
    return { kind: steps[0]!.because.some(({ code }) => code === 'missing') ? 'create' : 'change', verb };
  }
  if (verbs.has('prepare')) return { kind: 'wait', verb: 'run to its end' };
  const wait = steps[0]!.action;
  return { kind: 'wait', verb: wait.kind === 'container.await' ? `wait until ${wait.condition}` : wait.kind };
}

const isReplacement = ({ action }: Step): boolean =>
  action.kind === 'container.create' && action.inheritsFrom === action.container.name;

export interface DescribeOptions {
  /** Paths are shown relative to it. */
  readonly base?: string;
  /** Also the steps, with what each waits for. */
  readonly steps?: boolean;
}

export function describe(plan: Plan, options: DescribeOptions = {}): string {
  const changes = changesOf(plan);
  const lines = [
    ...plan.warnings.map((text) => `warning: ${text}`),
    ...describeChanges(changes, options.base),
    describeCount(changes),
  ];
  if (options.steps && plan.steps.length > 0) lines.push('', ...describeSteps(plan));
  return `${lines.join('\n')}\n`;
}

function describeChanges(changes: readonly Change[], base: string | undefined): readonly string[] {
  const resourceWidth = Math.max(0, ...changes.map(({ resource }) => resource.length));
  const verbWidth = Math.max(0, ...changes.map(({ verb }) => verb.length));
  const indent = ' '.repeat(4 + resourceWidth + 2 + verbWidth + 2);
  return changes.flatMap((change) => {
    const head = `${SYMBOL[change.kind].padStart(3)} ${change.resource.padEnd(resourceWidth)}  ${change.verb.padEnd(verbWidth)}  `;
    const reasons = change.because.flatMap((reason) => describeReason(reason, base) || []);
    const all = change.losesData ? [...reasons, 'its data is lost'] : reasons;
    return all.length === 0 ? [head.trimEnd()] : all.map((text, index) => (index === 0 ? head : indent) + text);
  });
}

/** `environment.LOG_LEVEL: "info" → "debug"   compose.yaml:9` */
export function describeReason(reason: Reason, base?: string): string {
  const where = reason.at ? place(reason.at, base) : '';
  const what =
    reason.code === 'changed'
      ? `${reason.field}: ${value(reason.from)} → ${value(reason.to)}`
      : (reason.text ?? (reason.code === 'missing' ? 'missing' : ''));
  return [what, where].filter(Boolean).join('   ');
}

function place(at: SourceRange, base: string | undefined): string {
  const isBelow = base !== undefined && at.file.startsWith(`${base}/`);
  return `${isBelow ? at.file.slice(base.length + 1) : at.file}:${at.start.line}`;
}

const MAX_VALUE = 100;

function value(of: unknown): string {
  if (of === undefined) return 'nothing';
  const text = JSON.stringify(of) ?? String(of);
  return text.length <= MAX_VALUE ? text : `${text.slice(0, MAX_VALUE)}…`;
}

export function describeCount(changes: readonly Change[]): string {
  const count = (kind: ChangeKind) => changes.filter((change) => change.kind === kind).length;
  const parts = (
    [
      [count('create'), 'to create'],
      [count('recreate'), 'to recreate'],
      [count('change'), 'to change in place'],
      [count('remove'), 'to remove'],
    ] as const
  ).filter(([number]) => number > 0);
  const losses = changes.filter(({ losesData }) => losesData).length;
  if (parts.length === 0) return changes.length === 0 ? 'Nothing to do.' : 'Plan: nothing to change, only to wait for.';
  const text = parts.map(([number, what]) => `${number} ${what}`).join(', ');
  return `Plan: ${text}${losses > 0 ? `, ${losses} with loss of data` : ''}.`;
}

function describeSteps({ steps }: Plan): readonly string[] {
  return steps.flatMap(({ id, after, losesData }) => [
    `${id}${losesData ? '  loses data' : ''}`,
    ...after.map((one) => `  after ${one}`),
  ]);
}
