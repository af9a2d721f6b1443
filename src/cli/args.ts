/** Words of a command line to flag values: interspersed, exact, and every mistake named with its nearest correction. */
import { TcomposeError } from '../model/errors.ts';
import type { Flag, Flags } from './flags.ts';
import { nearest } from './nearest.ts';

export interface Parsed {
  /** By flag name; complete: booleans false, lists empty, others undefined when not given. */
  readonly values: Readonly<Record<string, unknown>>;
  readonly positionals: readonly string[];
  /** `-h` or `--help` was among them. */
  readonly wantsHelp: boolean;
}

export interface ParseOptions {
  /** Named in messages: `up`, or nothing before the command is known. */
  readonly command?: string;
  /** Words after this many positionals are the user's own, flags included: `exec SERVICE COMMAND -x`. */
  readonly stopAfter?: number;
}

/** Where a name is in several tables, the first table has it: `logs -f` follows, it does not name a file. */
export function parseArgs(words: readonly string[], tables: readonly Flags[], options: ParseOptions = {}): Parsed {
  const reader = new Reader(words, tables, options);
  return reader.read();
}

export function usageError(message: string, help?: string): TcomposeError {
  return new TcomposeError(message, { code: 'usage', exitCode: 2, ...(help !== undefined && { help }) });
}

/** Lives for one parse: the position in the words and what was found so far. */
class Reader {
  private at = 0;
  private wantsHelp = false;
  private readonly values: Record<string, unknown> = {};
  private readonly positionals: string[] = [];
  private readonly long = new Map<string, Flag>();
  private readonly short = new Map<string, string>();

  private readonly words: readonly string[];
  private readonly options: ParseOptions;

  constructor(words: readonly string[], tables: readonly Flags[], options: ParseOptions) {
    this.words = words;
    this.options = options;
    for (const table of tables) {
      for (const [name, flag] of Object.entries(table)) {
        if (this.long.has(name)) continue;
        this.long.set(name, flag);
        this.values[name] = flag.kind === 'boolean' ? flag.byDefault === true : flag.kind === 'list' ? [] : undefined;
        if (flag.short && !this.short.has(flag.short)) this.short.set(flag.short, name);
      }
    }
  }

  read(): Parsed {
    const { words, positionals } = this;
    const stopAfter = this.options.stopAfter ?? Number.POSITIVE_INFINITY;
    while (this.at < words.length && positionals.length < stopAfter) {
      const word = words[this.at++]!;
      if (word === '--') break;
      if (word.startsWith('--')) this.readLong(word.slice(2));
      else if (word.startsWith('-') && word !== '-') this.readShort(word.slice(1));
      else positionals.push(word);
    }
    positionals.push(...words.slice(this.at));
    return { values: this.values, positionals, wantsHelp: this.wantsHelp };
  }

  private readLong(body: string): void {
    const equals = body.indexOf('=');
    const name = equals < 0 ? body : body.slice(0, equals);
    const given = equals < 0 ? undefined : body.slice(equals + 1);
    if (name === 'help') {
      this.wantsHelp = true;
      return;
    }
    const flag = this.long.get(name);
    if (!flag) throw this.unknown(`--${name}`);
    this.set(name, flag, `--${name}`, given);
  }

  /** `-f`, `-fFILE`, `-f=FILE`, and switches together: `-qa`. */
  private readShort(letters: string): void {
    for (let i = 0; i < letters.length; i++) {
      const letter = letters[i]!;
      const name = this.short.get(letter);
      if (name === undefined) {
        if (letter !== 'h') throw this.unknown(`-${letter}`, letters.length > 2 ? letters : undefined);
        this.wantsHelp = true;
        continue;
      }
      const flag = this.long.get(name)!;
      const rest = letters.slice(i + 1);
      if (flag.kind === 'boolean' && !rest.startsWith('=')) {
        this.set(name, flag, `-${letter}`, undefined);
        continue;
      }
      this.set(name, flag, `-${letter}`, rest === '' ? undefined : rest.replace(/^=/, ''));
      return;
    }
  }

  private set(name: string, flag: Flag, as: string, given: string | undefined): void {
    const title = as === `--${name}` ? as : `${as} (--${name})`;
    if (flag.refused) {
      const where = this.options.command ? `${this.options.command} ` : '';
      throw usageError(`${where}${title} is known but not done yet in tcompose`, 'leave it out');
    }
    if (flag.kind === 'boolean') {
      this.values[name] = booleanOf(title, given);
      return;
    }
    const value = given ?? (flag.mayBeAlone && this.nextIsNoValue() ? '' : this.words[this.at++]);
    if (value === undefined) throw usageError(`${title} needs a value: ${as} ${flag.value ?? 'VALUE'}`);
    if (flag.choices && !flag.choices.includes(value)) {
      const known = flag.choices.filter((choice) => choice !== 'none').join(', ');
      throw usageError(`${title} cannot be "${value}"`, `use one of: ${known}`);
    }
    if (flag.kind === 'list') (this.values[name] as string[]).push(value);
    else this.values[name] = flag.kind === 'number' ? numberOf(title, value, flag.min) : value;
  }

  private nextIsNoValue(): boolean {
    const next = this.words[this.at];
    return next === undefined || next.startsWith('-');
  }

  private unknown(as: string, letters?: string): TcomposeError {
    const command = this.options.command;
    const shown = [...this.long].filter(([, flag]) => !flag.hidden).map(([name]) => `--${name}`);
    const meant = nearest(letters ? `--${letters}` : as, letters || as.startsWith('--') ? shown : []);
    return usageError(
      command ? `${command} has no flag ${as}` : `unknown flag ${as}`,
      meant ? `did you mean ${meant}?` : `see: tcompose help${command ? ` ${command}` : ''}`,
    );
  }
}

function booleanOf(title: string, given: string | undefined): boolean {
  if (given === undefined || /^(true|1|t)$/i.test(given)) return true;
  if (/^(false|0|f)$/i.test(given)) return false;
  throw usageError(`${title} is a switch: it cannot be "${given}"`, 'use true or false, or no value');
}

function numberOf(title: string, given: string, min = Number.NEGATIVE_INFINITY): number {
  const value = Number(given);
  if (!/^-?\d+$/.test(given) || !Number.isSafeInteger(value))
    throw usageError(`${title} needs a whole number, not "${given}"`);
  if (value < min) throw usageError(`${title} must be at least ${min}, not ${given}`);
  return value;
}
