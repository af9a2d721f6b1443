/** `config --compat`: every attribute of the user's files, and what this engine does with it. */
import { type MapNode, rangeOf } from '../../load/tree.ts';
import { type AttributeUse, attributeUses } from '../../validate/support.ts';
import { columns } from './columns.ts';

export function compatText(model: MapNode, format: 'yaml' | 'json' | undefined): string {
  const uses = attributeUses(model);
  if (format === 'json') return `${JSON.stringify(uses.map(portable), undefined, 2)}\n`;
  const other = uses.filter(({ support }) => support.support !== 'honoured');
  const counted = `${uses.length - other.length} of ${uses.length} attributes in use are honoured.`;
  if (other.length === 0) return `${counted}\n`;
  const rows = other.map((use) => [
    `${use.section}.*.${use.attribute}`,
    use.support.support,
    whereOf(use),
    use.support.why ?? '',
  ]);
  return `${counted}\n\n${columns([['ATTRIBUTE', 'SUPPORT', 'IN', 'WHY'], ...rows])}`;
}

function whereOf({ uses }: AttributeUse): string {
  const owners = [...new Set(uses.map(({ owner }) => owner))];
  return owners.length > 3 ? `${owners.slice(0, 3).join(', ')} and ${owners.length - 3} more` : owners.join(', ');
}

function portable({ section, attribute, support, uses }: AttributeUse): object {
  return {
    section,
    attribute,
    support: support.support,
    ...(support.why !== undefined && { why: support.why }),
    uses: uses.map(({ owner, mark, detail }) => ({
      owner,
      ...(detail !== undefined && { detail }),
      at: rangeOf(mark),
    })),
  };
}
