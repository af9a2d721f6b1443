/** How an image was made, newest step first, in the keys of `docker image history --format json`. */
import { TcomposeError } from '../model/errors.ts';
import type { Context } from './context.ts';
import { ago, sizeWords } from './words.ts';

export interface HistoryRow {
  readonly Comment: string;
  readonly CreatedAt: string;
  readonly CreatedBy: string;
  readonly CreatedSince: string;
  readonly ID: string;
  readonly Size: string;
}

interface Step {
  readonly created?: string;
  readonly created_by?: string;
  readonly comment?: string;
  readonly empty_layer?: boolean;
}

export interface HistoryOptions {
  readonly noTrunc: boolean;
  /** Sizes and times for people; else bytes and moments. */
  readonly human: boolean;
}

const MISSING = '<missing>';
const CREATED_BY_LENGTH = 45;

export async function imageHistory(
  { engine, clock }: Context,
  ref: string,
  { noTrunc, human }: HistoryOptions,
): Promise<readonly HistoryRow[]> {
  const image = await engine.images.find(ref);
  if (image === undefined)
    throw new TcomposeError(`no such image: ${ref}`, { code: 'no-such-image', help: 'see `tcompose image ls`' });
  const { layers } = await engine.images.usage();
  const written = image.raw['history'];
  const steps = (Array.isArray(written) ? written : []).filter((one): one is Step => typeof one === 'object' && one);
  // Layers that no step tells of came before those that are told.
  const told = steps.filter(({ empty_layer: isEmpty }) => !isEmpty).length;
  const all: Step[] = [...Array.from({ length: Math.max(0, image.layers.length - told) }, () => ({})), ...steps];
  let layer = 0;
  const rows = all.map((step): Omit<HistoryRow, 'ID'> => {
    const bytes = step.empty_layer === true ? 0 : (layers.get(image.layers[layer++] ?? '') ?? 0);
    const by = textOf(step.created_by).replace(/\t/g, ' ');
    const created = textOf(step.created);
    return {
      Comment: textOf(step.comment),
      CreatedAt: created,
      CreatedBy: noTrunc || by.length <= CREATED_BY_LENGTH ? by : `${by.slice(0, CREATED_BY_LENGTH - 1)}…`,
      CreatedSince: created === '' ? 'N/A' : human ? ago(created, clock()) : created,
      Size: human ? sizeWords(bytes) : String(bytes),
    };
  });
  const id = noTrunc ? image.id : image.id.replace(/^sha256:/, '').slice(0, 12);
  return rows.reverse().map((row, index) => ({ ...row, ID: index === 0 ? id : MISSING }));
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');
