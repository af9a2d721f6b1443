/** `config --environment`: the variables that the files see; with --explain where each comes from, whether anything uses it, and what it hides. */
import type { Origin, ProjectEnvironment } from '../../load/environment.ts';
import type { LoadedModel } from '../../load/phases.ts';
import type { Mark } from '../../load/tree.ts';
import { columns } from './columns.ts';
import { placeOf } from './places.ts';

export function environmentText({ environment: { values } }: LoadedModel): string {
  return [...values.keys()]
    .sort()
    .map((name) => `${name}=${values.get(name)}\n`)
    .join('');
}

/** `only`: the names asked for; all of them where there are none. */
export function explainEnvironment(loaded: LoadedModel, only: readonly string[]): string {
  const { environment, projectDir, included } = loaded;
  const rows = [
    ...[...environment.values].map(([name, value]) => {
      const row = rowOf(name, value, environment, originOf(name, loaded));
      // What a file beside an include says counts for that include, and only where the project says nothing.
      return { ...row, over: [...row.over, ...included.flatMap((inner) => writtenIn(inner.environment, name))] };
    }),
    ...included.flatMap(({ file, environment: inner }) => {
      const of = `for ${placeOf(file, projectDir)}`;
      const own = [...inner.values].filter(([name]) => !environment.values.has(name));
      return own.map(([name, value]) => rowOf(name, value, inner, `${from(inner.origins.get(name), loaded)}, ${of}`));
    }),
    ...withoutValue(loaded),
  ];
  const wanted = only.length === 0 ? rows : rows.filter(({ name }) => only.includes(name));
  wanted.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  return columns([['VARIABLE', 'FROM', 'USED', 'INSTEAD OF'], ...wanted.map((row) => cellsOf(row, projectDir))]);
}

interface Row {
  readonly name: string;
  /** undefined: it has none. */
  readonly value: string | undefined;
  readonly from: string;
  readonly isUsed: boolean;
  readonly over: Origin['over'];
}

function rowOf(name: string, value: string, environment: ProjectEnvironment, from: string): Row {
  const over = environment.origins.get(name)?.over ?? [];
  return { name, value, from, isUsed: environment.used.has(name), over };
}

function writtenIn({ values, origins }: ProjectEnvironment, name: string): Origin['over'] {
  const origin = origins.get(name);
  return origin?.mark === undefined ? [] : [{ value: values.get(name)!, mark: origin.mark }, ...origin.over];
}

function cellsOf({ name, value, from, isUsed, over }: Row, folder: string): string[] {
  const hidden = over.map((one) => `${oneLine(one.value)} (${placeOf(one.mark, folder)})`);
  return [value === undefined ? name : `${name}=${oneLine(value)}`, from, isUsed ? 'yes' : 'no', hidden.join(', ')];
}

function oneLine(text: string): string {
  return text.length > 60 || /[\x00-\x1f]/.test(text) ? `${JSON.stringify(text).slice(0, 60)}…` : text;
}

function originOf(name: string, loaded: LoadedModel): string {
  const origin = loaded.environment.origins.get(name);
  if (origin === undefined) return name === 'COMPOSE_PROJECT_NAME' ? 'the project' : 'tcompose';
  return from(origin, loaded);
}

function from(origin: Origin | undefined, { projectDir }: LoadedModel): string {
  return origin?.mark === undefined ? 'the shell' : placeOf(origin.mark, projectDir);
}

/** What the files ask for and nobody has set: a default stands in, another one in each place perhaps, or nothing does. */
function withoutValue({ watch, projectDir }: LoadedModel): Row[] {
  const rows = new Map<string, Row>();
  const add = (name: string, value: string | undefined, why: string, mark: Mark) => {
    const key = JSON.stringify([name, value]);
    const from = `${why}, ${placeOf(mark, projectDir)}`;
    if (!rows.has(key)) rows.set(key, { name, value, from, isUsed: true, over: [] });
  };
  for (const { name, value, mark } of watch.defaulted.values()) add(name, value, 'default', mark);
  for (const [name, mark] of watch.unset) add(name, undefined, 'not set', mark);
  return [...rows.values()];
}
