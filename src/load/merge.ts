/** Lays one tree over another: maps merge, lists append, scalars replace; the table in merge-rules.ts has the exceptions. */
import type { Findings } from './findings.ts';
import { type MergeRule, mergeRules } from './merge-rules.ts';
import { childText, type ListNode, list, type MapNode, type SpecNode } from './tree.ts';

/** Both trees are in long form. The result may share nodes with both. */
export function mergeProjects(base: SpecNode, over: SpecNode, findings: Findings): SpecNode {
  return merge(base, over, mergeRules.project, findings) ?? base;
}

export function mergeServices(base: SpecNode, over: SpecNode, findings: Findings): SpecNode {
  return merge(base, over, mergeRules.service, findings) ?? base;
}

/** undefined: `!reset` took it away. */
function merge(base: SpecNode, over: SpecNode, rule: MergeRule | undefined, findings: Findings): SpecNode | undefined {
  if (over.tag === 'reset') return undefined;
  if (over.tag === 'override' || rule?.how === 'replace') return replaced(base, settled(strip(over), rule));
  if (over.implied || (over.kind === 'scalar' && over.value === null)) return base;
  if (base.kind === 'scalar' && base.value === null) return replaced(base, settled(strip(over), rule));
  if (rule?.how === 'logging' && drivesDiffer(base, over)) return replaced(base, over);
  if (base.kind !== over.kind) {
    findings.error('wrong-merge', `a ${nameOf(over)} cannot be merged over a ${nameOf(base)}`, over.mark, {
      help: 'use the same form in both places, or put !override before the later one',
      related: [{ at: base.mark, label: `the ${nameOf(base)}` }],
    });
    return base;
  }
  if (base.kind === 'map') return mergeMaps(base, over as MapNode, rule, findings);
  if (base.kind === 'list' && rule?.how === 'matched') return mergeMatched(base, over as ListNode, rule, findings);
  if (base.kind === 'list') return mergeLists(base, over as ListNode, rule);
  return replaced(base, over);
}

function nameOf(node: SpecNode): string {
  return node.kind === 'scalar' ? 'single value' : node.kind === 'map' ? 'mapping' : node.kind;
}

function drivesDiffer(base: SpecNode, over: SpecNode): boolean {
  const [mine, theirs] = [childText(base, 'driver'), childText(over, 'driver')];
  return mine !== undefined && theirs !== undefined && mine !== theirs;
}

/** The later value, which remembers what it replaced. */
function replaced(base: SpecNode, over: SpecNode): SpecNode {
  const made = { ...over, was: [base, ...(base.was ?? []), ...(over.was ?? [])] };
  delete made.tag;
  return made;
}

function ruleFor(key: string, rule: MergeRule | undefined): MergeRule | undefined {
  return rule?.keys !== undefined && Object.hasOwn(rule.keys, key) ? rule.keys[key] : rule?.each;
}

function mergeMaps(base: MapNode, over: MapNode, rule: MergeRule | undefined, findings: Findings): MapNode {
  const entries = new Map(base.entries);
  for (const [key, entry] of over.entries) {
    const earlier = entries.get(key);
    const inner = ruleFor(key, rule);
    if (earlier === undefined) {
      if (entry.value.tag !== 'reset') entries.set(key, { key: entry.key, value: settled(strip(entry.value), inner) });
      continue;
    }
    const value = merge(earlier.value, entry.value, inner, findings);
    if (value === undefined) entries.delete(key);
    else entries.set(key, { key: value === earlier.value ? earlier.key : entry.key, value });
  }
  const made: MapNode = { ...base, entries, mark: base.mark };
  if (base.damaged || over.damaged) made.damaged = true;
  return made;
}

function mergeLists(base: ListNode, over: ListNode, rule: MergeRule | undefined): ListNode {
  const added = over.items.filter((item) => item.tag !== 'reset');
  // An item that is there already, to the letter, says nothing new: a file may be included twice.
  const fresh =
    rule?.key !== undefined ? added : added.filter((item) => !base.items.some((other) => isSame(item, other)));
  const items = [...base.items, ...fresh];
  const made = list(rule?.key === undefined ? items : unique(items, rule.key), over.mark);
  if (base.damaged || over.damaged) made.damaged = true;
  return made;
}

/** The later list counts; an item whose key the earlier one has, too, is laid over that. */
function mergeMatched(base: ListNode, over: ListNode, rule: MergeRule, findings: Findings): ListNode {
  const items = over.items.flatMap((item) => {
    const earlier = base.items.find((other) => rule.key?.(other) === rule.key?.(item));
    const made = earlier === undefined ? strip(item) : merge(earlier, item, undefined, findings);
    return made === undefined ? [] : [made];
  });
  return { ...list(items, over.mark), was: [base, ...(base.was ?? [])] };
}

function isSame(a: SpecNode, b: SpecNode): boolean {
  if (a.kind === 'scalar') return b.kind === 'scalar' && a.value === b.value;
  if (a.kind === 'list') {
    return (
      b.kind === 'list' &&
      a.items.length === b.items.length &&
      a.items.every((item, index) => isSame(item, b.items[index]!))
    );
  }
  if (b.kind !== 'map' || a.entries.size !== b.entries.size) return false;
  return [...a.entries].every(([key, { value }]) => {
    const other = b.entries.get(key);
    return other !== undefined && isSame(value, other.value);
  });
}

/** Items with one key collapse: the later one takes the earlier one's place. */
function unique(items: SpecNode[], keyOf: (item: SpecNode) => string | undefined): SpecNode[] {
  if (items.length < 2) return items;
  const places = new Map<string, number>();
  const kept: SpecNode[] = [];
  for (const item of items) {
    const key = keyOf(item);
    const place = key === undefined ? undefined : places.get(key);
    if (place === undefined) {
      if (key !== undefined) places.set(key, kept.length);
      kept.push(item);
    } else if (kept[place] !== item) kept[place] = replaced(kept[place]!, item);
  }
  return kept;
}

/** Tags have done their work once there is nothing below them; repeats inside one file collapse too. */
export function settle(node: SpecNode): SpecNode {
  return settled(strip(node), mergeRules.project);
}

/** Rules that collapse nothing, and hold none that do: `environment` may have a hundred entries. */
const idle = new Map<MergeRule, boolean>();

function isIdle(rule: MergeRule): boolean {
  let known = idle.get(rule);
  if (known === undefined) {
    const inner = [...Object.values(rule.keys ?? {}), ...(rule.each === undefined ? [] : [rule.each])];
    known = rule.key === undefined && inner.every(isIdle);
    idle.set(rule, known);
  }
  return known;
}

function settled(node: SpecNode, rule: MergeRule | undefined): SpecNode {
  if (rule === undefined || isIdle(rule)) return node;
  if (node.kind === 'map') {
    node.entries.forEach((entry, key) => {
      const inner = ruleFor(key, rule);
      if (inner !== undefined) entry.value = settled(entry.value, inner);
    });
  } else if (node.kind === 'list' && rule.key !== undefined) node.items = unique(node.items, rule.key);
  return node;
}

/** A tree that is laid over nothing: what is reset goes, tags go. */
function strip(node: SpecNode): SpecNode {
  return node.mark.source.hasTags ? stripped(node) : node;
}

function stripped(node: SpecNode): SpecNode {
  // Deleting what is not there would still make a slow object of every node.
  if (node.tag !== undefined) delete node.tag;
  if (node.kind === 'list') {
    if (node.items.some((item) => item.tag === 'reset')) node.items = node.items.filter((item) => item.tag !== 'reset');
    for (const item of node.items) if (item.kind !== 'scalar') stripped(item);
  } else if (node.kind === 'map') {
    for (const [key, entry] of node.entries) {
      if (entry.value.tag === 'reset') node.entries.delete(key);
      else if (entry.value.tag !== undefined || entry.value.kind !== 'scalar') stripped(entry.value);
    }
  }
  return node;
}
