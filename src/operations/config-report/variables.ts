/** `config --variables`: what the files ask for, with their defaults. */
import { variablesIn } from '../../load/interpolate.ts';
import type { SpecNode } from '../../load/tree.ts';
import { columns } from './columns.ts';

export interface Variable {
  readonly name: string;
  readonly required: boolean;
  readonly defaultValue: string;
  readonly alternateValue: string;
}

export function variablesText(model: SpecNode, format: 'yaml' | 'json' | undefined): string {
  const found = [...variablesOf(model).values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  if (format === 'json') {
    const byName = found.map(({ name, required, defaultValue, alternateValue }) => [
      name,
      { Name: name, DefaultValue: defaultValue, PresenceValue: alternateValue, Required: required },
    ]);
    return `${JSON.stringify(Object.fromEntries(byName), undefined, 2)}\n`;
  }
  const rows = found.map(({ name, required, defaultValue, alternateValue }) => [
    name,
    String(required),
    defaultValue,
    alternateValue,
  ]);
  return columns([['NAME', 'REQUIRED', 'DEFAULT VALUE', 'ALTERNATE VALUE'], ...rows]);
}

function variablesOf(node: SpecNode, found = new Map<string, Variable>()): Map<string, Variable> {
  if (node.kind === 'list') for (const item of node.items) variablesOf(item, found);
  else if (node.kind === 'map') for (const { value } of node.entries.values()) variablesOf(value, found);
  else if (typeof node.value === 'string') {
    for (const { name, operator, word } of variablesIn(node.value)) {
      const known = found.get(name);
      found.set(name, {
        name,
        required: operator.endsWith('?') || (known?.required ?? false),
        defaultValue: operator.endsWith('-') ? word : (known?.defaultValue ?? ''),
        alternateValue: operator.endsWith('+') ? word : (known?.alternateValue ?? ''),
      });
    }
  }
  return found;
}
