/** Interpolates every string value of a tree in place; keys, comments and numbers are left alone. */
import type { Findings } from './findings.ts';
import { interpolate, type Lookup, type Taken } from './interpolate.ts';
import { type Mark, type ScalarNode, type SpecNode, within } from './tree.ts';

/** What was seen of variables on the way. */
export interface Watch {
  /** Those without a value, each reported once. */
  readonly unset: Map<string, Mark>;
  /** Those for which a default stood in, and where first: by name and default. */
  readonly defaulted: Map<string, Taken & { readonly mark: Mark }>;
}

export function interpolateTree(root: SpecNode, lookup: Lookup, findings: Findings, watch: Watch): void {
  // Values of a file without any $, plain or escaped, cannot hold one.
  if (/[$\\]/.test(root.mark.source.text)) visit(root);

  /** false: the value is unusable, was reported, and has to go. */
  function visit(node: SpecNode): boolean {
    if (node.kind === 'scalar') return typeof node.value !== 'string' || !node.value.includes('$') || substitute(node);
    if (node.kind === 'list') {
      const kept = node.items.filter(visit);
      if (kept.length < node.items.length) node.damaged = true;
      node.items = kept;
      return true;
    }
    node.entries.forEach((entry, key) => {
      if (visit(entry.value)) return;
      node.entries.delete(key);
      node.damaged = true;
    });
    return true;
  }

  function substitute(node: ScalarNode): boolean {
    const result = interpolate(String(node.value), lookup);
    if (result.ok) {
      for (const name of result.unset) warnUnset(name, node);
      for (const taken of result.defaulted) noteDefault(taken, node);
      node.value = result.text;
      return true;
    }
    const at = within(node.mark, result.expression);
    if (result.problem === 'malformed') {
      findings.error('bad-interpolation', `malformed expression ${result.expression.slice(0, 60)}`, at, {
        help: `write \${NAME}, \${NAME:-default} or \${NAME:?message}; a literal $ is written $$`,
      });
    } else {
      const message = result.message === '' ? '' : `: ${result.message}`;
      findings.error('missing-variable', `required variable ${result.name} has no value${message}`, at, {
        help: `set it in the shell or in .env:\n    ${result.name}=…`,
      });
    }
    return false;
  }

  function noteDefault(taken: Taken, node: ScalarNode): void {
    const key = `${taken.name} ${taken.value}`;
    if (!watch.defaulted.has(key)) watch.defaulted.set(key, { ...taken, mark: useOf(taken.name, node.mark) });
  }

  function warnUnset(name: string, node: ScalarNode): void {
    if (watch.unset.has(name)) return;
    const at = useOf(name, node.mark);
    watch.unset.set(name, at);
    findings.warn('unset-variable', `variable ${name} is not set; it becomes an empty text`, at, {
      help: `set it in the shell or in .env, or write a default: \${${name}:-}`,
    });
  }
}

/** The name where it is used: in `PORT=${PORT}` it is the second one. */
function useOf(name: string, mark: Mark): Mark {
  const text = mark.source.text.slice(mark.start, mark.end);
  const use = new RegExp(`(?<!\\$)(\\$\\{?)${name}(?![A-Za-z0-9_])`).exec(text);
  if (use === null) return within(mark, name);
  const start = mark.start + use.index + use[1]!.length;
  return { source: mark.source, start, end: start + name.length };
}
