/** The pages of docs/ that are made from tables: what each attribute comes to, and what each finding means. */
import { DIAGNOSTIC_CODES } from '../load/codes.ts';
import { ATTRIBUTES, type Attribute, reasonFor, type Section, verdict } from './attributes.ts';
import { projectSchema } from './schema.ts';

export function compatibilityPage(): string {
  const sections = (Object.keys(ATTRIBUTES) as Section[]).map((section) => {
    const schema = projectSchema().properties.get(section)!.patterns[0]![1];
    const rows = Object.entries(ATTRIBUTES[section]).map(([name, attribute]: [string, Attribute]) => {
      const description = name.includes('.') ? '' : (schema.properties.get(name)?.description ?? '');
      return `| \`${name}\` | ${verdict(attribute)} | ${escaped(reasonFor(attribute))} | ${escaped(description)} |`;
    });
    return [`## ${section}`, '', '| attribute | here | why | what it is |', '|---|---|---|---|', ...rows, ''].join(
      '\n',
    );
  });
  return `# What tcompose does with each attribute

Made from \`src/validate/attributes.ts\` by a test; change the table, not this page.

**honoured**: does what the Compose Specification says. **not yet**: understood and checked, and a warning names it.
**warned**: has no meaning for this engine; a warning names it. **refused**: an error. **in part**: it depends on the value, as said. \`tcompose config --compat\` makes this list for your own files.

${sections.join('\n')}`;
}

export function diagnosticsPage(): string {
  const rows = Object.entries(DIAGNOSTIC_CODES).map(([code, meaning]) => `| \`${code}\` | ${meaning} |`);
  return `# What tcompose says about Compose files

Made from \`src/load/codes.ts\` by a test. Each finding has one of these codes, the place in the file, and what to do;
\`test/golden/diagnostics\` has an example of each. Files with errors end in exit code 2.

| code | meaning |
|---|---|
${rows.join('\n')}
`;
}

function escaped(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('<', '\\<');
}
