/** Desired × what a live thing was made from → differences, field by field, in the words of the file. */
import type { DesiredContainer, DesiredNetwork, DesiredVolume } from '../model/desired.ts';
import type { Path } from '../model/source.ts';
import { type Cost, costOf, FIELDS, type FieldRule } from './in-place.ts';
import { isOurs } from './labels.ts';
import { withQuietTexts } from './mounts-in-place.ts';

export interface Difference {
  /** Beneath the service, network or volume; for messages and for finding the line. */
  readonly path: Path;
  /** `undefined`: was not there, is not wanted any more. */
  readonly from: unknown;
  readonly to: unknown;
}

export interface ContainerDifference extends Difference {
  readonly cost: Exclude<Cost, 'record'>;
}

/** Those that need a new container come first. Empty: the one there is is the one wanted. */
export function containerDifferences(wanted: DesiredContainer, last: DesiredContainer): readonly ContainerDifference[] {
  const made = withQuietTexts(last, wanted);
  const found = { process: [] as ContainerDifference[], live: [] as ContainerDifference[] };
  for (const name of FIELD_NAMES) {
    const rule = FIELDS[name];
    if (rule.cost === 'record' || isEqual(wanted[name], made[name])) continue;
    const cost = costOf(rule, made, wanted) as ContainerDifference['cost'];
    for (const difference of explain(rule, made[name], wanted[name])) found[cost].push({ ...difference, cost });
  }
  return [...found.process, ...found.live];
}

const FIELD_NAMES = Object.keys(FIELDS) as (keyof DesiredContainer)[];

/** Labels are not compared: nobody loses a network for them. */
export function networkDifferences(wanted: DesiredNetwork, made: DesiredNetwork): readonly Difference[] {
  return [
    ...field(['driver'], made.driver, wanted.driver),
    ...field(['internal'], made.internal, wanted.internal),
    ...field(['enable_ipv4'], made.enableIpv4, wanted.enableIpv4),
    ...field(['enable_ipv6'], made.enableIpv6, wanted.enableIpv6),
    ...field(['ipam'], made.ipam, wanted.ipam),
    ...byKeys(['driver_opts'], made.driverOpts, wanted.driverOpts),
  ];
}

/** Labels are not compared: nobody loses data for them. */
export function volumeDifferences(wanted: DesiredVolume, made: DesiredVolume): readonly Difference[] {
  return byKeys(['driver_opts'], made.driverOpts, wanted.driverOpts);
}

/** Labels are set when a thing is made; that they differ is worth a word, no more. */
export function labelsDiffer(wanted: { readonly labels: Rec }, made: { readonly labels: Rec }): boolean {
  return byKeys([], made.labels, wanted.labels).length > 0;
}

type Rec = Readonly<Record<string, unknown>>;

function explain(rule: FieldRule, from: unknown, to: unknown): readonly Difference[] {
  const say = (value: unknown) => (value === undefined || !rule.say ? value : rule.say(value as never));
  if (rule.by === 'whole') return [{ path: rule.path, from: say(from), to: say(to) }];
  if (rule.by === 'keys') return byKeys(rule.path, (from ?? {}) as Rec, (to ?? {}) as Rec);
  if (rule.by === 'set') return bySet(rule, (from ?? []) as readonly Rec[], (to ?? []) as readonly Rec[], say);
  return Object.entries(rule.by).flatMap(([name, path]) =>
    field(path, say((from as Rec)?.[name]), say((to as Rec)?.[name])),
  );
}

const field = (path: Path, from: unknown, to: unknown): readonly Difference[] =>
  isEqual(from, to) ? [] : [{ path, from, to }];

function byKeys(path: Path, from: Rec, to: Rec): readonly Difference[] {
  const names = new Set([...Object.keys(from), ...Object.keys(to)]);
  return [...names].sort().flatMap((name) => (isOurs(name) ? [] : field([...path, name], from[name], to[name])));
}

/** Members by name where they have one; else by all of their value. Order matters only where the same names come in another. */
function bySet(
  rule: FieldRule,
  from: readonly Rec[],
  to: readonly Rec[],
  say: (value: unknown) => unknown,
): readonly Difference[] {
  const name = (item: Rec) => String((rule.key && item[rule.key]) || JSON.stringify(item));
  const [before, after] = [index(from, name), index(to, name)];
  if (rule.key) {
    const changed = byKeys(rule.path, before, after).map((one) => saidOf(one, say));
    if (changed.length > 0 || !ORDERED.has(rule.key)) return changed;
    return field(rule.path, from.map(name), to.map(name));
  }
  const gone = from.filter((item) => !after[name(item)]);
  const added = to.filter((item) => !before[name(item)]);
  return gone.length + added.length === 0
    ? []
    : [{ path: rule.path, from: listed(gone.map(say)), to: listed(added.map(say)) }];
}

/** Of a file only the digest differs, which says nothing to anybody. */
function saidOf({ path, from, to }: Difference, say: (value: unknown) => unknown): Difference {
  const [before, after] = [say(from), say(to)];
  return {
    path,
    from: before,
    to: typeof after === 'string' && after === before ? `${after} (another content)` : after,
  };
}

const listed = (items: readonly unknown[]): unknown =>
  items.length === 0 ? undefined : items.length === 1 ? items[0] : items;

/** The first network gives the default route. */
const ORDERED: ReadonlySet<string> = new Set(['network']);

const index = (items: readonly Rec[], name: (item: Rec) => string): Rec =>
  Object.fromEntries(items.map((item) => [name(item), item]));

/** Of plain data; a key whose value is undefined is as good as absent. */
export function isEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
    return a.every((item, position) => isEqual(item, b[position]));
  }
  return covers(a as Rec, b as Rec) && covers(b as Rec, a as Rec);
}

function covers(a: Rec, b: Rec): boolean {
  for (const key of Object.keys(a)) if (!isEqual(a[key], b[key])) return false;
  return true;
}
