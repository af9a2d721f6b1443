/** What goes with every line: the tag, and those labels and variables that the options name. */
import type { DesiredContainer } from '../../src/model/desired.ts';
import { LogProblem } from './options.ts';
import { FUNCTIONS, fillIn } from './tag-template.ts';

/** Who prints, as the templates of tags know it. */
export interface Printer {
  readonly id: string;
  readonly hostname: string;
  readonly container: Pick<DesiredContainer, 'name' | 'labels' | 'env' | 'argv' | 'image' | 'log'>;
}

const SHORT = 12;

/** The fields of Docker's templates. */
const fieldsOf = ({ id, hostname, container: { name, image, argv } }: Printer): Readonly<Record<string, string>> => ({
  ID: id.slice(0, SHORT),
  FullID: id,
  Name: name,
  ImageID: image.id.slice(0, SHORT),
  ImageFullID: image.id,
  ImageName: image.ref,
  Command: argv.join(' '),
  Hostname: hostname,
  DaemonName: 'docker',
});

/** A template of Docker's: fields, and the functions of its templates (tag-template.ts). */
export function tagOf(printer: Printer, otherwise: string): string {
  const template = printer.container.log.options['tag'] || otherwise;
  try {
    return fillIn(template, fieldsOf(printer));
  } catch (error) {
    throw new LogProblem(
      `the tag cannot be ${template}: ${(error as Error).message}`,
      `use ${Object.keys(fieldsOf(printer))
        .map((name) => `{{.${name}}}`)
        .join(' ')}, and functions: ${FUNCTIONS.join(' ')}`,
    );
  }
}

/** Docker's ExtraAttributes: labels, then variables over them; in the end the tag, where the driver wants that. */
export function extrasOf({ container }: Printer): Readonly<Record<string, string>> {
  const { labels, env, log } = container;
  return { ...chosen(labels, 'labels', log.options), ...chosen(env, 'env', log.options) };
}

function chosen(
  values: Readonly<Record<string, string>>,
  option: 'labels' | 'env',
  options: Readonly<Record<string, string>>,
): Record<string, string> {
  const names = new Set((options[option] ?? '').split(',').filter(Boolean));
  const pattern = expression(`${option}-regex`, options[`${option}-regex`]);
  return Object.fromEntries(Object.entries(values).filter(([key]) => names.has(key) || pattern?.test(key)));
}

function expression(name: string, text: string | undefined): RegExp | undefined {
  if (text === undefined || text === '') return undefined;
  try {
    return new RegExp(text);
  } catch {
    throw new LogProblem(`${name} cannot be "${text}"`, 'use a regular expression');
  }
}

/** Keys in order and escapes as Go's encoding/json has them, since others compare these files byte for byte. */
export function jsonAttributes(attributes: Readonly<Record<string, string>>): string {
  const keys = Object.keys(attributes).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  if (keys.length === 0) return '';
  return `"attrs":{${keys.map((key) => `${goString(key)}:${goString(attributes[key]!)}`).join(',')}},`;
}

const goString = (text: string): string =>
  JSON.stringify(text).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
