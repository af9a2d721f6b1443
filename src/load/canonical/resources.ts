/** Long forms of top-level networks, volumes, secrets and configs. */
import { child, childText, type SpecNode, scalar } from '../tree.ts';
import type { CanonicalContext } from './context.ts';

/** The old `external: {name: x}` is `external: true` with `name: x`. */
export function external(node: SpecNode, context: CanonicalContext): SpecNode {
  if (node.kind !== 'map') return node;
  const entry = node.entries.get('external');
  if (entry?.value.kind !== 'map') return node;
  const oldName = childText(entry.value, 'name');
  const name = childText(node, 'name');
  context.findings.warn('deprecated', `${context.owner}: external.name is deprecated`, entry.key, {
    help: 'write external: true and name: …',
  });
  if (oldName !== undefined && name !== undefined && name !== oldName) {
    context.findings.error('conflicting-keys', `${context.owner}: name and external.name differ`, entry.key, {
      help: 'keep only name',
      related: [{ at: child(node, 'name')!.mark, label: 'the other name' }],
    });
  }
  const nameNode = child(entry.value, 'name');
  if (oldName !== undefined && nameNode !== undefined) node.entries.set('name', { key: entry.key, value: nameNode });
  entry.value = scalar(true, entry.value.mark);
  return node;
}
