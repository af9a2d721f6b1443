/** Text to located trees, one per YAML document: by the quick reader, or by the full one where the text is more than everyday. */
import type { Findings } from './findings.ts';
import { MAX_WEIGHT, MAX_WEIGHT_ALL, MAX_WEIGHT_FULL } from './limits.ts';
import { reportNuls } from './nul.ts';
import { holdOptimizer, releaseOptimizer } from './optimizer.ts';
import { quickYaml } from './quick-yaml.ts';
import { TooMuch } from './too-much.ts';
import type { SourceText, SpecNode } from './tree.ts';

/** What has been read for one load: many small files must not cost more than a big one. */
const spent = new WeakMap<Findings, number>();

export async function parseYaml(source: SourceText, findings: Findings): Promise<readonly SpecNode[]> {
  const documents = await readDocuments(source, findings);
  reportNuls(source, documents, findings);
  return documents;
}

async function readDocuments(source: SourceText, findings: Findings): Promise<readonly SpecNode[]> {
  if (weighsMore(source.text, MAX_WEIGHT)) {
    reportWeight(source, findings, 'the file has too many lines and values to be a Compose file');
    return [];
  }
  const total = (spent.get(findings) ?? 0) + weigh(source.text);
  spent.set(findings, total);
  if (total > MAX_WEIGHT_ALL) {
    const at = { source, start: 0, end: 1 };
    throw new TooMuch('the files of the project have too many lines and values together', { at, help: SPLIT });
  }
  holdOptimizer(source.text);
  const quick = quickYaml(source, findings);
  if (quick !== undefined) return [quick];
  releaseOptimizer();
  if (weighsMore(source.text, MAX_WEIGHT_FULL)) {
    reportWeight(source, findings, 'the file is large, and has tags, text over several lines or a mistake in its YAML');
    return [];
  }
  // Loaded only now: the full parser costs as much as half of Node's start.
  const { parseYamlFully } = await import('./full-yaml.ts');
  return parseYamlFully(source, findings);
}

const SPLIT = 'split it, and name the parts with -f or include';

function reportWeight(source: SourceText, findings: Findings, what: string): void {
  findings.error('too-large', what, { source, start: 0, end: 1 }, { help: SPLIT });
}

/** A text cannot weigh more than its length: most need not be looked at. */
function weighsMore(text: string, limit: number): boolean {
  return text.length > limit && weigh(text) > limit;
}

/** Searches of patterns are native, and far faster than a loop over half a million characters that runs once. */
const STEPS = [256, 1].map((count) => ({
  count,
  pattern: new RegExp(`(?:[^\\n:,[\\]{}]*[\\n:,[\\]{}]){${count}}`, 'y'),
}));

function weigh(text: string): number {
  let weight = 0;
  let end = 0;
  for (const { count, pattern } of STEPS) {
    pattern.lastIndex = end;
    while (pattern.test(text)) {
      weight += count;
      end = pattern.lastIndex;
    }
  }
  // A dash is one only where it begins an item.
  for (let at = text.indexOf('- '); at !== -1; at = text.indexOf('- ', at + 2)) weight += 1;
  return weight;
}
