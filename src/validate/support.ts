/** Says by name what the file asks for and this engine does not do: one finding a reason, however many attributes and services share it. */
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
      const all = found.get(attribute);
      if (all === undefined) return [];
      const uses = all.filter(({ value }) => !isMet(support, value));
      if (uses.length > 0) return [{ section, attribute, support, uses }];
      const met: Attribute = { support: 'honoured' };
      return isWanted(met) ? [{ section, attribute, support: met, uses: all }] : [];
    });
  });
}

function isMet({ except, only }: Attribute, value: SpecNode): boolean {
  const items = value.kind === 'list' ? value.items : [value];
  const texts = items.flatMap((item) => (item.kind === 'scalar' ? [String(item.value)] : []));
  if (only !== undefined) return !texts.some((text) => only.test(text));
  return value.kind === 'scalar' && except?.includes(texts[0]!) === true;
}

type Found = Map<string, { readonly owner: string; readonly mark: Mark; readonly value: SpecNode }[]>;

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
  node.entries.forEach((entry, key) => {
    const next = step.inside.get(key);
    if (next === undefined) return;
    if (next.attribute !== undefined) {
      const uses = found.get(next.attribute);
      const use = { owner, mark: entry.key, value: entry.value };
      if (uses === undefined) found.set(next.attribute, [use]);
      else uses.push(use);
    }
    if (next.inside.size === 0) return;
    for (const value of insideOf(key, entry.value)) if (value.kind === 'map') collect(value, next, owner, found);
  });
}

/** What holds the nested keys: the value itself, each item of a list, or each network of a service. */
function insideOf(key: string, value: SpecNode): readonly SpecNode[] {
  if (value.kind === 'list') return value.items;
  return key === 'networks' ? entriesOf(value).map(([, network]) => network) : [value];
}

const MAX_RELATED = 5;

export function reportUnsupported(model: MapNode, findings: Findings, strict: boolean): void {
  const isLacking = ({ support }: Attribute) => support !== 'honoured';
  for (const [first, ...others] of byReason(attributeUses(model, isLacking))) {
    const { section, attribute, support, uses } = first!;
    const at = uses[0]!.mark;
    const who = `${section.replace(/s$/, '')} ${uses[0]!.owner}`;
    const related = [...elsewhere(first!), ...others.map(likewise)];
    const more = { help: support.why, related };
    if (support.support === 'refused')
      findings[strict ? 'error' : 'warn'](
        'refused',
        `${who}: ${attribute} cannot be honoured by this engine`,
        at,
        more,
      );
    else if (support.support === 'not yet')
      findings.warn('not-yet', `${who}: ${attribute} is not honoured yet`, at, more);
    else findings.warn('no-effect', `${who}: ${attribute} has no effect here`, at, more);
  }
}

/** What is lacking for one reason is one finding. What is refused has to be changed at each place. */
function byReason(uses: readonly AttributeUse[]): readonly (readonly AttributeUse[])[] {
  const groups = new Map<string, AttributeUse[]>();
  for (const use of uses) {
    const { support, why } = use.support;
    const reason = support === 'refused' ? `${use.section} ${use.attribute}` : `${use.section} ${support} ${why}`;
    const group = groups.get(reason);
    if (group === undefined) groups.set(reason, [use]);
    else group.push(use);
  }
  // The place that comes first in the file is the one to point at.
  return [...groups.values()].map((group) => group.sort((a, b) => a.uses[0]!.mark.start - b.uses[0]!.mark.start));
}

/** The other owners of an attribute, each once, where it is a place of its own and not the same one by an anchor. */
function elsewhere({ uses }: AttributeUse): readonly { at: Mark; label: string }[] {
  const owners = new Set<string>([uses[0]!.owner]);
  const places = new Set<string>([placeOf(uses[0]!.mark)]);
  const others = uses.filter(({ owner, mark }) => {
    const isNew = !owners.has(owner) && !places.has(placeOf(mark));
    owners.add(owner);
    places.add(placeOf(mark));
    return isNew;
  });
  const shown = others.slice(0, MAX_RELATED);
  return shown.map(({ owner, mark }, index) => {
    const hidden = index === shown.length - 1 ? others.length - shown.length : 0;
    return { at: mark, label: `${owner} has it too${hidden > 0 ? `, and ${hidden} more` : ''}` };
  });
}

function likewise({ attribute, uses }: AttributeUse): { at: Mark; label: string } {
  const owners = new Set(uses.map(({ owner }) => owner)).size;
  const others = owners > 1 ? ` and ${owners - 1} more` : '';
  return { at: uses[0]!.mark, label: `likewise ${attribute} of ${uses[0]!.owner}${others}` };
}

function placeOf({ source, start }: Mark): string {
  return `${source.file}:${start}`;
}
