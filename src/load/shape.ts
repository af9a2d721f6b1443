/** The vocabulary of shapes.ts: how one value of the canonical model is typed and when it is left out. */

/**
 * How a value is bound. `flag`, `int`, `float`, `text` … leave out false, 0 and "" as Compose does; with a `?` they keep them.
 * `texts` is a list of texts, `pairs` a map of texts, `pairs?` a map whose values may be null.
 */
export type Kind =
  | 'text'
  | 'flag'
  | 'flag?'
  | 'int'
  | 'int?'
  | 'float'
  | 'float?'
  | 'size'
  | 'duration'
  | 'duration?'
  | 'mode'
  | 'octal'
  | 'count'
  | 'ulimit'
  | 'command'
  | 'texts'
  | 'sorted'
  | 'pairs'
  | 'pairs?'
  | 'ssh'
  | 'optout';

export interface Struct {
  readonly fields: Readonly<Record<string, Shape>>;
  /** Kept when empty: the key itself says something (`volume: {}`), or Compose prints it always (`always`). */
  readonly empty?: 'kept' | 'always';
}

export type Shape =
  | Kind
  | { readonly struct: Struct }
  | { readonly listOf: Shape }
  | { readonly mapOf: Shape; readonly nulls?: true };

export const struct = (fields: Readonly<Record<string, Shape>>, empty?: Struct['empty']): Shape => ({
  struct: { fields, ...(empty && { empty }) },
});
