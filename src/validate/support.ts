/** Says by name what the file asks for and this engine does not do: one finding a reason, however many attributes and services share it. */
import type { Findings } from '../load/findings.ts';
import { childMap, entriesOf, isNull, type MapNode, type Mark, type SpecNode } from '../load/tree.ts';
import { ATTRIBUTES, type Attribute, adviceFor, type Section } from './attributes.ts';

export interface AttributeUse {
  readonly section: Section;
  readonly attribute: string;
  readonly support: Attribute;
  /** Each owner (`web`) and where it has the attribute. */
  readonly uses: readonly Use[];
}

interface Use {
  readonly owner: string;
  readonly mark: Mark;
  readonly value: SpecNode;
  /** The value, item or key that is lacking, where others would not be. */
  readonly detail?: string;
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
      const uses = all.flatMap((use) => unmet(support, use));
      if (uses.length > 0) return [{ section, attribute, support, uses }];
      const met: Attribute = { support: 'honoured' };
      return isWanted(met) ? [{ section, attribute, support: met, uses: all }] : [];
    });
  });
}

/** The use itself, or what inside it is not among the exceptions: an item of a list, a key of a map. */
function unmet({ except, only }: Attribute, use: Use): readonly Use[] {
  if (except === undefined && only === undefined) return [use];
  const { owner, value } = use;
  if (value.kind === 'map') {
    const keys = [...entriesOf(value)].filter(([key]) => !except?.includes(key));
    return keys.map(([detail, inner, mark]) => ({ owner, mark, value: inner, detail }));
  }
  const asked = value.kind === 'list' ? value.items : isNull(value) ? [] : [value];
  return asked
    .filter((item) => (only === undefined ? !isMet(except ?? [], item) : only.test(textOf(item))))
    .map((item) => ({ ...use, ...(item !== value && { mark: item.mark }), detail: textOf(item) }));
}

const textOf = (node: SpecNode): string => (node.kind === 'scalar' ? String(node.value ?? '') : '');

function isMet(except: readonly string[], value: SpecNode): boolean {
  const asked = textOf(value);
  const begins = (text: string) => /[:=]$/.test(text) && asked.startsWith(text);
  return except.some((text) => asked === text || begins(text));
}

type Found = Map<string, Use[]>;

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
    const what = `${section.replace(/s$/, '')} ${uses[0]!.owner}: ${named(attribute, uses[0]!)}`;
    const related = [...elsewhere(first!), ...others.map(likewise)];
    const more = { help: adviceFor(support), related };
    if (support.support === 'refused')
      findings[strict ? 'error' : 'warn']('refused', `${what} cannot be honoured by this engine`, at, more);
    else if (support.support === 'not yet') findings.warn('not-yet', `${what} is not honoured yet`, at, more);
    else findings.warn('no-effect', `${what} has no effect here`, at, more);
  }
}

const named = (attribute: string, { detail }: Use): string =>
  detail === undefined ? attribute : `${attribute} "${detail}"`;

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
function elsewhere({ attribute, uses }: AttributeUse): readonly { at: Mark; label: string }[] {
  const [lead] = uses;
  const seen = new Set<string>();
  const others = uses.filter(({ owner, detail, mark }) => {
    const isNew = !seen.has(`${owner} ${detail}`) && !seen.has(placeOf(mark));
    seen.add(`${owner} ${detail}`).add(placeOf(mark));
    return isNew;
  });
  const shown = others.slice(1, 1 + MAX_RELATED);
  return shown.map((use, index) => {
    const hidden = index === shown.length - 1 ? others.length - 1 - shown.length : 0;
    const isSame = use.detail === lead!.detail;
    const label = isSame ? `${use.owner} has it too` : `likewise ${named(attribute, use)} of ${use.owner}`;
    return { at: use.mark, label: `${label}${hidden > 0 ? `, and ${hidden} more` : ''}` };
  });
}

function likewise({ attribute, uses }: AttributeUse): { at: Mark; label: string } {
  const owners = new Set(uses.map(({ owner }) => owner)).size;
  const others = owners > 1 ? ` and ${owners - 1} more` : '';
  return { at: uses[0]!.mark, label: `likewise ${named(attribute, uses[0]!)} of ${uses[0]!.owner}${others}` };
}

function placeOf({ source, start }: Mark): string {
  return `${source.file}:${start}`;
}
