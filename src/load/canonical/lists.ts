/** Forms that several attributes share: "list or map of KEY=VALUE", "string or list", commands. */

import { MAX_SHORT_FORMS } from '../limits.ts';
import { shellWords } from '../shell-words.ts';
import { TooMuch } from '../too-much.ts';
import { type ListNode, list, type MapNode, map, type SpecNode, scalar, within } from '../tree.ts';
import { type CanonicalContext, type CanonicalItems, isUnresolved } from './context.ts';

/** `- KEY=VALUE` and `- KEY` to a map, the latter with null; a later item wins. */
export function keyValues(node: SpecNode, context: CanonicalContext): SpecNode {
  if (node.kind !== 'list') return node;
  const made = map(node.mark);
  for (const item of node.items) {
    if (item.kind !== 'scalar' || item.value === null) continue;
    const text = String(item.value);
    const equals = text.indexOf('=');
    const key = equals === -1 ? text : text.slice(0, equals);
    if (/\s$/.test(key) && equals !== -1) {
      context.findings.error('bad-value', `${context.owner}: the name "${key}" ends in a space`, item.mark, {
        help: `remove the space before the =: ${key.trimEnd()}=…`,
      });
      made.damaged = true;
      continue;
    }
    const value = scalar(equals === -1 ? null : text.slice(equals + 1), item.mark);
    made.entries.set(key, { key: within(item.mark, key), value });
  }
  return carry(node, made);
}

/** A later form keeps the tag and the damage of the form it was made from. */
export function carry<N extends SpecNode>(from: SpecNode, to: N): N {
  if (from.tag) to.tag = from.tag;
  if (from.damaged) to.damaged = true;
  if (from.was) to.was = from.was;
  return to;
}

export function listOf(node: SpecNode): SpecNode {
  if (node.kind !== 'scalar') return node;
  return carry(node, list(node.value === null ? [] : [{ ...node }], node.mark));
}

/** Before they are made: a short form of four letters becomes ten objects. */
function countShortForms({ items, mark }: ListNode): void {
  const { source } = mark;
  source.shortForms = (source.shortForms ?? 0) + items.length;
  if (source.shortForms <= MAX_SHORT_FORMS) return;
  const help = 'split it, and name the parts with -f or include';
  throw new TooMuch(`the file has more than ${MAX_SHORT_FORMS} mounts, ports and dependencies`, { at: mark, help });
}

/** Names to a map with the same value for each. */
export function named(value: (item: SpecNode) => SpecNode): (node: SpecNode) => SpecNode {
  return (node) => {
    if (node.kind !== 'list') return node;
    countShortForms(node);
    const made: MapNode = map(node.mark);
    for (const item of node.items) {
      if (item.kind === 'scalar' && item.value !== null)
        made.entries.set(String(item.value), { key: item.mark, value: value(item) });
    }
    return carry(node, made);
  };
}

/** Applies a rule to each item of a list (a single item counts as a list of one); an item may become several, or none. */
export function each(rule: CanonicalItems): (node: SpecNode, context: CanonicalContext) => SpecNode {
  return (node, context) => {
    if (node.kind !== 'list') return node;
    countShortForms(node);
    const items = node.items.flatMap((item) =>
      rule(item, context).map((made) => (made === item ? made : carry(item, made))),
    );
    const made: ListNode = carry(node, list(items, node.mark));
    if (items.length < node.items.length) made.damaged = true;
    return made;
  };
}

/** A command: a string is split into words; null stays null (the image's own). */
export function command(node: SpecNode, context: CanonicalContext): SpecNode | undefined {
  if (node.kind !== 'scalar' || node.value === null) return node;
  const text = String(node.value);
  if (isUnresolved(text, context)) return node;
  const split = shellWords(text);
  if (!split.ok) {
    context.findings.error('bad-command', `${context.owner}: the command has ${split.problem}`, node.mark, {
      help: 'close it, or write the command as a list: ["sh", "-c", "…"]',
    });
    return undefined;
  }
  const words = split.words.map((word) => scalar(word, within(node.mark, word)));
  const made = carry(node, list(words, node.mark));
  if (split.cut !== undefined) made.cut = { from: split.cut[0]!, mark: within(node.mark, split.cut) };
  return made;
}
