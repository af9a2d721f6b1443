/** Where a value was written: positions travel with the data through every phase of loading. */

/** 1-based line and column (in UTF-16 code units). */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** A half-open range of one file. `file` is an absolute path, or `-` for standard input, or the name of a variable's source. */
export interface SourceRange {
  readonly file: string;
  readonly start: Position;
  readonly end: Position;
}

/** A path into the model: map keys and list indexes. Never a dotted string: keys may contain dots. */
export type Path = readonly (string | number)[];
