/** The project's name: -p, COMPOSE_PROJECT_NAME, the file's `name`, or that of the folder. */
import { posix } from 'node:path';
import type { Findings } from './findings.ts';
import { child, type MapNode, type ScalarNode } from './tree.ts';

function normalName(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^a-z0-9_-]/g, '')
    .replace(/^[_-]+/, '');
}

export interface NameChoice {
  readonly flag: string | undefined;
  readonly variable: string | undefined;
  readonly projectDir: string;
  readonly cwd: string;
}

/** A name asked for explicitly has to be right; one from the file or a folder is made right. */
export function projectName(model: MapNode | undefined, choice: NameChoice, findings: Findings): string | undefined {
  const explicit = choice.flag || choice.variable;
  if (explicit) return checked(explicit, choice.flag ? 'the project name' : 'COMPOSE_PROJECT_NAME', findings);
  const node = child(model, 'name');
  if (node?.kind === 'scalar' && node.value !== null && node.value !== '') {
    const made = normalName(String(node.value));
    if (made !== '') return made;
    findings.error('bad-project-name', `"${String(node.value)}" cannot be a project name`, node.mark, {
      help: 'use lower-case letters, digits, - and _',
    });
    return undefined;
  }
  if (node?.kind === 'scalar' && node.value === '' && isFilledIn(node)) {
    // The name of the folder would be another project than the one that was meant.
    findings.error('bad-project-name', 'the project name is empty', node.mark, {
      help: 'give the variable a value, or leave the key out: the folder has a name, too',
    });
    return undefined;
  }
  const made = normalName(posix.basename(choice.projectDir)) || normalName(posix.basename(choice.cwd));
  if (made !== '') return made;
  findings.error('bad-project-name', `no project name can be made from the folder ${choice.projectDir}`, undefined, {
    help: 'give one:\n    tcompose -p NAME …',
  });
  return undefined;
}

function isFilledIn({ mark: { source, start, end } }: ScalarNode): boolean {
  return source.text.slice(start, end).includes('$');
}

function checked(name: string, what: string, findings: Findings): string | undefined {
  if (normalName(name) === name) return name;
  findings.error('bad-project-name', `${what} cannot be "${name}"`, undefined, {
    help: `use lower-case letters, digits, - and _, a letter or digit first: ${normalName(name) || 'my-project'}`,
  });
  return undefined;
}
