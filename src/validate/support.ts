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

/** The attributes that the model uses, in the order of the table; of all of them, or of those that are asked for. */
export function attributeUses(
  model: MapNode,
  isWanted: (attribute: Attribute) => boolean = () => true,
): readonly AttributeUse[] {
  return (Object.keys(ATTRIBUTES) as Section[]).flatMap((section) => {
    const table = Object.entries(ATTRIBUTES[section]).filter(([, support]) => isWanted(support));
    const found: Found = new Map();
    const top = treeOf(table.map(([attribute]) => attribute));
    for (const [owner, node] of entriesOf(childMap(model, section)))
      if (node.kind === 'map') collect(node, top, owner, found);
    return table.flatMap(([attribute, support]) => {
      const uses = found.get(attribute);
      return uses === undefined ? [] : [{ section, attribute, support, uses }];
    });
  });
}

type Found = Map<string, { readonly owner: string; readonly mark: Mark }[]>;

/** One step of a name such as `deploy.update_config`. */
interface Step {
  /** The whole name, where one ends here. */
  attribute?: string;
  readonly inside: Map<string, Step>;
}

/** As a tree, so that a walk looks only where something can be found. */
function treeOf(attributes: readonly string[]): Step {
  const top: Step = { inside: new Map() };
  for (const attribute of attributes) {
    let step = top;
    for (const key of attribute.split('.')) {
      const next = step.inside.get(key) ?? { inside: new Map() };
      step.inside.set(key, next);
      step = next;
    }
    step.attribute = attribute;
  }
  return top;
}

/** `deploy.update_config` is found under `deploy`, and `networks.driver_opts` under every network of `networks`. */
function collect(node: MapNode, step: Step, owner: string, found: Found): void {
  for (const [key, entry] of node.entries) {
    const next = step.inside.get(key);
    if (next === undefined) continue;
    if (next.attribute !== undefined) {
      const uses = found.get(next.attribute);
      if (uses === undefined) found.set(next.attribute, [{ owner, mark: entry.key }]);
      else uses.push({ owner, mark: entry.key });
    }
    if (next.inside.size === 0) continue;
    for (const value of insideOf(key, entry.value)) if (value.kind === 'map') collect(value, next, owner, found);
  }
}

/** What holds the nested keys: the value itself, each item of a list, or each network of a service. */
function insideOf(key: string, value: SpecNode): readonly SpecNode[] {
  if (value.kind === 'list') return value.items;
  return key === 'networks' ? [...entriesOf(value)].map(([, network]) => network) : [value];
}

export function reportUnsupported(model: MapNode, findings: Findings, strict: boolean): void {
  const isLacking = ({ support }: Attribute) => support !== 'honoured';
  for (const { section, attribute, support, uses } of attributeUses(model, isLacking)) {
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
