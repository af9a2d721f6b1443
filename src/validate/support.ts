/** Says by name what the file asks for and this engine does not do: one finding an attribute, however many services have it. */
import type { Findings } from '../load/findings.ts';
import { childMap, entriesOf, type MapNode, type Mark, type SpecNode } from '../load/tree.ts';
import { ATTRIBUTES, type Attribute, type Section } from './attributes.ts';

export interface AttributeUse {
  readonly section: Section;
  readonly attribute: string;
  readonly support: Attribute;
  /** Each owner (`web`) and where it has the attribute. */
  readonly uses: readonly { readonly owner: string; readonly mark: Mark }[];
}

/** Every attribute that the model uses, in the order of the table. */
export function attributeUses(model: MapNode): readonly AttributeUse[] {
  return (Object.keys(ATTRIBUTES) as Section[]).flatMap((section) => {
    const found = new Map<string, { owner: string; mark: Mark }[]>();
    for (const [owner, node] of entriesOf(childMap(model, section))) {
      if (node.kind !== 'map') continue;
      collect(node, '', ATTRIBUTES[section], (attribute, mark) => {
        const uses = found.get(attribute);
        if (uses === undefined) found.set(attribute, [{ owner, mark }]);
        else uses.push({ owner, mark });
      });
    }
    const table: Readonly<Record<string, Attribute>> = ATTRIBUTES[section];
    return Object.keys(table).flatMap((attribute) => {
      const uses = found.get(attribute);
      return uses === undefined ? [] : [{ section, attribute, support: table[attribute]!, uses }];
    });
  });
}

/** `deploy.update_config` is found under `deploy`, and `networks.driver_opts` under every network of `networks`. */
function collect(
  node: MapNode,
  prefix: string,
  table: Readonly<Record<string, Attribute>>,
  use: (attribute: string, mark: Mark) => void,
): void {
  for (const [key, entry] of node.entries) {
    const attribute = prefix + key;
    if (Object.hasOwn(table, attribute)) use(attribute, entry.key);
    if (!isParent(attribute, table)) continue;
    for (const value of insideOf(attribute, entry.value))
      if (value.kind === 'map') collect(value, `${attribute}.`, table, use);
  }
}

/** What holds the nested keys: the value itself, each item of a list, or each network of a service. */
function insideOf(attribute: string, value: SpecNode): readonly SpecNode[] {
  if (value.kind === 'list') return value.items;
  return attribute === 'networks' ? [...entriesOf(value)].map(([, network]) => network) : [value];
}

const PARENTS = new WeakMap<object, ReadonlySet<string>>();

function isParent(attribute: string, table: Readonly<Record<string, Attribute>>): boolean {
  let parents = PARENTS.get(table);
  if (parents === undefined) {
    const found = new Set<string>();
    for (const key of Object.keys(table)) {
      for (let dot = key.indexOf('.'); dot !== -1; dot = key.indexOf('.', dot + 1)) found.add(key.slice(0, dot));
    }
    parents = found;
    PARENTS.set(table, parents);
  }
  return parents.has(attribute);
}

export function reportUnsupported(model: MapNode, findings: Findings, strict: boolean): void {
  for (const { section, attribute, support, uses } of attributeUses(model)) {
    if (support.support === 'honoured') continue;
    const [first, ...others] = uses;
    const who = `${section.replace(/s$/, '')} ${first!.owner}`;
    const more = {
      help: support.why,
      related: others.slice(0, 5).map(({ owner, mark }) => ({ at: mark, label: `${owner} has it too` })),
    };
    if (support.support === 'refused')
      findings[strict ? 'error' : 'warn'](
        'refused',
        `${who}: ${attribute} cannot be honoured by this engine`,
        first!.mark,
        more,
      );
    else {
      const when = support.support === 'not yet' ? 'is not honoured yet' : 'has no effect here';
      findings.warn(
        support.support === 'not yet' ? 'not-yet' : 'no-effect',
        `${who}: ${attribute} ${when}`,
        first!.mark,
        more,
      );
    }
  }
}
