/** Holds a document against the schema: ajv is the judge; where it objects, our own walk says what is wrong and where, once a mistake. */
import { plain } from '../load/bind.ts';
import type { Findings } from '../load/findings.ts';
import { nearest, type SpecNode } from '../load/tree.ts';
import type { Path } from '../model/source.ts';
import { checkSchema, type OpenQuestion } from './check-schema.ts';
import { project, service } from './compiled-schema.ts';
import { describePlace } from './places.ts';
import { definition, projectSchema } from './schema.ts';

export interface Judging {
  readonly findings: Findings;
  /** `config --no-interpolate`: values that still hold a ${…} may be anything. */
  readonly lenient: boolean;
  /** What another file may still fill in is noted here. */
  readonly open: OpenQuestion[];
}

/** false: the node itself is unusable and was reported. What else is wrong was reported, too, and taken out of the tree. */
export function judge(node: SpecNode, as: 'project' | 'service', path: Path, judging: Judging): boolean {
  const validate = as === 'project' ? project : service;
  if (!judging.lenient && validate(plain(node))) return true;
  const { open, findings } = judging;
  const before = open.length;
  let told = false;
  const counted: Findings = {
    ...findings,
    error: (...finding) => {
      told = true;
      findings.error(...finding);
    },
  };
  const [objection] = validate.errors ?? [];
  const schema = as === 'project' ? projectSchema() : definition('service');
  const isUsable = checkSchema(node, schema, [...path], { ...judging, findings: counted });
  // A value that is reset may be anything, and what is open is asked again at the end.
  const isExplained = told || judging.lenient || open.length > before || node.mark.source.hasTags;
  if (!isExplained && objection !== undefined) report(objection, node, path, findings);
  return isUsable;
}

/** The walk has no words for it: nothing that ajv refuses slips through all the same. */
function report(
  objection: { readonly instancePath: string; readonly keyword: string },
  node: SpecNode,
  path: Path,
  findings: Findings,
): void {
  const steps = objection.instancePath
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((step) => (/^\d+$/.test(step) ? Number(step) : step));
  const place = describePlace([...path, ...steps]);
  findings.error('bad-value', `${place} does not fit the schema (${objection.keyword})`, nearest(node, steps).mark, {
    help: `see tcompose config --explain ${steps.findLast((step) => typeof step === 'string') ?? 'services'}`,
  });
}
