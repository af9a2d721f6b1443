/** `config --explain services.web.ports[0]`: which file and line set a value, and what it overrode. */
import { plain } from '../../load/bind.ts';
import { type Mark, nearest, type SpecNode } from '../../load/tree.ts';
import { TcomposeError } from '../../model/errors.ts';
import type { Path } from '../../model/source.ts';
import { placeOf } from './places.ts';

export function explainPlace(text: string, model: SpecNode, cwd: string): string {
  const path = parsePlace(text, model);
  const found = nearest(model, path);
  if (!found.found) {
    throw new TcomposeError(`nothing is at ${text}`, {
      code: 'no-such-place',
      exitCode: 2,
      help: 'write a key of the specification (ports), or a place of your file (services.web.ports[0])',
    });
  }
  return [text, ...describe(found.node, found.mark, cwd)].map((line) => `${line}\n`).join('');
}

/** Names may hold dots: the longest one that exists is taken. */
function parsePlace(text: string, model: SpecNode): Path {
  const path: (string | number)[] = [];
  let node: SpecNode | undefined = model;
  let rest = text.replace(/\[(\d+)\]/g, '.$1');
  while (rest !== '') {
    rest = rest.replace(/^\./, '');
    const name: string =
      node?.kind === 'map' ? (longestKey(node.entries.keys(), rest) ?? rest.split('.')[0]!) : rest.split('.')[0]!;
    rest = rest.slice(name.length);
    const step: string | number = node?.kind === 'list' && /^\d+$/.test(name) ? Number(name) : name;
    path.push(step);
    node = node === undefined ? undefined : childAt(node, step);
  }
  return path;
}

function longestKey(keys: Iterable<string>, rest: string): string | undefined {
  let best: string | undefined;
  for (const key of keys) {
    if ((rest === key || rest.startsWith(`${key}.`)) && key.length > (best?.length ?? 0)) best = key;
  }
  return best;
}

function childAt(node: SpecNode, step: string | number): SpecNode | undefined {
  if (node.kind === 'map') return node.entries.get(String(step))?.value;
  return node.kind === 'list' && typeof step === 'number' ? node.items[step] : undefined;
}

const MAX_LINES = 100;

function describe(node: SpecNode, mark: Mark, cwd: string): string[] {
  const lines = [`  ${placeOf(mark, cwd)}  ${show(node)}`];
  for (const was of node.was ?? []) lines.push(`    overrides ${placeOf(was.mark, cwd)}  ${show(was)}`);
  if (node.kind === 'scalar') return lines;
  const inner: (readonly [string, SpecNode, Mark])[] =
    node.kind === 'list'
      ? node.items.map((item, index) => [`[${index}]`, item, item.mark] as const)
      : [...node.entries].map(([key, entry]) => [key, entry.value, entry.key] as const);
  // What a short form was made into stands where the short form stands: nothing new.
  const placed = inner.filter(
    ([, value]) => value.mark.start !== node.mark.start || value.mark.source !== node.mark.source,
  );
  for (const [name, value, key] of placed.slice(0, MAX_LINES)) {
    const [first, ...rest] = describe(value, value.mark.end > value.mark.start ? value.mark : key, cwd);
    lines.push(
      `  ${name}`,
      ...(value.kind === 'scalar' || value.was !== undefined || rest.length === 0 ? [first!, ...rest] : rest).map(
        (line) => `  ${line}`,
      ),
    );
  }
  if (placed.length > MAX_LINES) lines.push(`  … and ${placed.length - MAX_LINES} more`);
  return lines;
}

function show(node: SpecNode): string {
  const text = JSON.stringify(plain(node));
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}
