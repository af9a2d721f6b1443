/** Top-level networks, volumes, secrets and configs: keys that exclude each other. */
import { child, childText, entriesOf, type MapNode, type SpecNode } from '../../load/tree.ts';
import type { RuleContext } from '../rules.ts';

const KINDS = { networks: 'network', volumes: 'volume', secrets: 'secret', configs: 'config' } as const;
const SOURCES = ['file', 'environment', 'content'];

export function checkResources({ model, findings }: RuleContext): void {
  for (const [section, kind] of Object.entries(KINDS)) {
    for (const [name, node] of entriesOf(child(model, section))) {
      if (node.kind !== 'map') continue;
      if (isExternal(node)) checkExternal(`${kind} ${name}`, kind, node, findings);
      else if (kind === 'secret' || kind === 'config') checkSources(`${kind} ${name}`, kind, node, findings);
    }
  }
}

export function isExternal(node: SpecNode): boolean {
  return ['true', 'yes', 'on'].includes(childText(node, 'external') ?? '');
}

function checkExternal(owner: string, kind: string, node: MapNode, findings: RuleContext['findings']): void {
  for (const [key, entry] of node.entries) {
    if (key === 'external' || key === 'name' || key.startsWith('x-') || isEmptyMap(entry.value)) continue;
    // The reference objects for volumes only.
    findings[kind === 'volume' ? 'error' : 'warn'](
      'conflicting-keys',
      `${owner} is external, so "${key}" has no meaning`,
      entry.key,
      {
        help: `remove ${key}, or external`,
        related: [{ at: node.entries.get('external')!.key, label: 'external' }],
      },
    );
  }
}

/** `ipam: {}` is what Compose prints for every network. */
function isEmptyMap(node: SpecNode): boolean {
  return node.kind === 'map' && node.entries.size === 0;
}

function checkSources(
  owner: string,
  kind: 'secret' | 'config',
  node: MapNode,
  findings: RuleContext['findings'],
): void {
  const given = SOURCES.filter((key) => node.entries.has(key));
  const wanted = kind === 'secret' ? 'file or environment' : 'file, environment or content';
  if (given.length > 1) {
    findings.error('conflicting-keys', `${owner} has ${given.join(' and ')}`, node.entries.get(given[1]!)!.key, {
      help: 'keep one of them',
      related: [{ at: node.entries.get(given[0]!)!.key, label: `the first: ${given[0]}` }],
    });
  } else if (given.length === 0 && !node.damaged && (kind === 'secret' || !node.entries.has('driver'))) {
    // Only a config may leave its content to a driver.
    findings.error('missing-key', `${owner} needs ${wanted}`, node.mark, { help: `add one:\n    file: ./${kind}.txt` });
  }
}
