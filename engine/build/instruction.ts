/** What a Dockerfile says, read: one entry an instruction. Nothing is expanded yet. */
import type { Diagnostic } from '../../src/model/diagnostic.ts';
import type { SourceRange } from '../../src/model/source.ts';

export interface HereDocument {
  readonly name: string;
  /** With a line feed at the end of each line; tabs at the beginnings are gone where `<<-` says so. */
  readonly text: string;
  /** False when the delimiter was quoted. */
  readonly expands: boolean;
}

/** `shell`: a line for the stage's SHELL. `exec`: a JSON list. */
export type CommandLine =
  | { readonly form: 'shell'; readonly line: string; readonly documents: readonly HereDocument[] }
  | { readonly form: 'exec'; readonly argv: readonly string[] };

export type Pair = readonly [name: string, value: string];

/** Flags that may be written once, by name without dashes; a bare boolean one is `true`. */
export type Flags = Readonly<Record<string, string>>;

export interface CopyArguments {
  readonly sources: readonly string[];
  readonly documents: readonly HereDocument[];
  readonly target: string;
  readonly flags: Flags;
  readonly exclude: readonly string[];
}

export interface Health {
  /** Begins with NONE, CMD or CMD-SHELL. */
  readonly test: readonly string[];
  /** Nanoseconds; 0: the default. */
  readonly interval: number;
  readonly timeout: number;
  readonly startPeriod: number;
  readonly startInterval: number;
  readonly retries: number;
}

export type InstructionBody =
  | { readonly kind: 'FROM'; readonly image: string; readonly name?: string; readonly platform?: string }
  | { readonly kind: 'ARG'; readonly args: readonly { readonly name: string; readonly value?: string }[] }
  | { readonly kind: 'ENV' | 'LABEL'; readonly pairs: readonly Pair[] }
  | {
      readonly kind: 'RUN';
      readonly command: CommandLine;
      readonly flags: Flags;
      readonly mounts: readonly string[];
      readonly devices: readonly string[];
    }
  | { readonly kind: 'CMD' | 'ENTRYPOINT'; readonly command: CommandLine }
  | ({ readonly kind: 'COPY' | 'ADD' } & CopyArguments)
  | { readonly kind: 'VOLUME' | 'EXPOSE'; readonly words: readonly string[] }
  | { readonly kind: 'USER' | 'WORKDIR' | 'STOPSIGNAL' | 'MAINTAINER'; readonly value: string }
  | { readonly kind: 'HEALTHCHECK'; readonly health: Health }
  | { readonly kind: 'SHELL'; readonly argv: readonly string[] }
  | { readonly kind: 'ONBUILD'; readonly trigger: string; readonly inner: InstructionBody };

export type Instruction = InstructionBody & {
  readonly at: SourceRange;
  /** The instruction with its continuation lines joined: for progress and history. */
  readonly text: string;
};

export interface ParsedStage {
  readonly from: Instruction & { readonly kind: 'FROM' };
  readonly instructions: readonly Instruction[];
}

export interface Dockerfile {
  readonly escape: string;
  /** `# syntax=` and `# check=` as they are written; the first is accepted and not followed. */
  readonly directives: Readonly<Record<string, string>>;
  /** ARG before the first FROM. */
  readonly globalArgs: readonly (Instruction & { readonly kind: 'ARG' })[];
  readonly stages: readonly ParsedStage[];
}

export interface ParsedDockerfile {
  readonly dockerfile: Dockerfile;
  /** Errors and warnings; nothing may be built while there is an error. */
  readonly findings: readonly Diagnostic[];
}

/** What is wrong with one instruction: `offset` into its text, for the column. */
export class InstructionMistake extends Error {
  readonly offset: number | undefined;
  readonly help: string | undefined;
  constructor(message: string, help?: string, offset?: number) {
    super(message);
    this.name = 'InstructionMistake';
    this.help = help;
    this.offset = offset;
  }
}
