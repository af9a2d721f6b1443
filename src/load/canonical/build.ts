/** Long forms of the build section. */
import { map, record, type SpecNode, scalar } from '../tree.ts';
import type { CanonicalContext } from './context.ts';
import { carry, keyValues } from './lists.ts';

export function buildForm(node: SpecNode): SpecNode {
  if (node.kind !== 'scalar' || node.value === null) return node;
  return carry(node, record(node.mark, { context: String(node.value) }));
}

/** `true` and `mode=max` are both texts for the builder. */
export function textFlag(node: SpecNode): SpecNode {
  if (node.kind === 'scalar' && node.value !== null) node.value = String(node.value);
  return node;
}

export function additionalContexts(node: SpecNode, context: CanonicalContext): SpecNode {
  if (node.kind !== 'list') return node;
  for (const item of node.items) {
    if (item.kind !== 'scalar' || String(item.value).includes('=')) continue;
    context.findings.error(
      'bad-value',
      `${context.owner}: additional context "${String(item.value)}" has no value`,
      item.mark,
      {
        help: 'write NAME=PATH',
      },
    );
  }
  return keyValues(node, context);
}

export function sshKeys(node: SpecNode, context: CanonicalContext): SpecNode {
  const items = node.kind === 'list' ? node.items : node.kind === 'scalar' && node.value !== null ? [node] : undefined;
  if (items === undefined) return node;
  const made = map(node.mark);
  for (const item of items) {
    if (item.kind !== 'scalar') continue;
    const text = String(item.value);
    const equals = text.indexOf('=');
    if (equals === -1 && text !== 'default') {
      context.findings.error('bad-value', `${context.owner}: ssh key "${text}" has no path`, item.mark, {
        help: 'write default, or ID=PATH',
      });
      continue;
    }
    const id = equals === -1 ? text : text.slice(0, equals);
    made.entries.set(id, { key: item.mark, value: scalar(equals === -1 ? null : text.slice(equals + 1), item.mark) });
  }
  return carry(node, made);
}
