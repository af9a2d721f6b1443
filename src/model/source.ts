/** Where a value was written: positions travel with the data through every phase of loading. */

/** 1-based line and column (in UTF-16 code units). */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** A half-open range of one file. `file` is an absolute path, or `-` for standard input, or the name of a variable's source, or an address. */
export interface SourceRange {
  readonly file: string;
  readonly start: Position;
  readonly end: Position;
  /** Where the text lies, when `file` is an address that it was fetched from. */
  readonly copy?: string;
  /** The line itself, where it cannot be read again: standard input. */
  readonly shown?: string;
}

/** A path into the model: map keys and list indexes. Never a dotted string: keys may contain dots. */
export type Path = readonly (string | number)[];
