/** Texts with a NUL, which only an escape ("\0") can write: the kernel ends arguments, variables and paths there, so no program could get them whole. */
import type { Findings } from './findings.ts';
import type { Mark, SourceText, SpecNode } from './tree.ts';

/** The escapes of YAML 1.2, section 5.7, that mean it. Most files have none, and are not walked. */
const ESCAPE = /\\(?:0|x00|u0000|U00000000)/;

export function reportNuls(source: SourceText, documents: readonly SpecNode[], findings: Findings): void {
  if (!ESCAPE.test(source.text)) return;
  const report = (mark: Mark) =>
    findings.error('bad-value', 'a text cannot hold a NUL character', mark, {
      help: 'take the "\\0" out: no argument, variable or path can have one (execve(2))',
    });
  // Aliases lead to the same node again.
  const seen = new Set<SpecNode>();
  const walk = (node: SpecNode): void => {
    if (seen.has(node)) return;
    seen.add(node);
    if (node.kind === 'scalar') {
      if (typeof node.value === 'string' && node.value.includes('\0')) report(node.mark);
    } else if (node.kind === 'list') node.items.forEach(walk);
    else
      node.entries.forEach(({ key, value }, name) => {
        if (name.includes('\0')) report(key);
        walk(value);
      });
  };
  documents.forEach(walk);
}
