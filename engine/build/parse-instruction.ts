/** One instruction of a Dockerfile: a table from keyword to what its text must look like. */

import {
  type CommandLine,
  type Health,
  type HereDocument,
  type InstructionBody,
  InstructionMistake,
} from './instruction.ts';
import { nearest } from './nearest.ts';
import { announcedDocument } from './read-lines.ts';
import { checkMount } from './run-mount.ts';
import {
  type FlagTable,
  goDuration,
  type ReadFlags,
  readFlags,
  readJsonList,
  readPairs,
  splitBlanks,
  splitFlags,
  splitQuoted,
} from './split-words.ts';

/** An instruction's text, cut; `rest` begins at `restAt`. */
interface Request {
  readonly keyword: string;
  readonly rest: string;
  readonly flags: ReadFlags;
  readonly documents: readonly HereDocument[];
  readonly escape: string;
  readonly warn: (message: string, help: string) => void;
}

const COPY_FLAGS = { chown: 'once', chmod: 'once', link: 'switch', exclude: 'many' } as const;
const FLAGS: Readonly<Record<string, FlagTable>> = {
  FROM: { platform: 'once' },
  RUN: { mount: 'many', network: 'once', security: 'once', device: 'many' },
  COPY: { from: 'once', ...COPY_FLAGS, parents: 'switch' },
  ADD: { ...COPY_FLAGS, checksum: 'once', 'keep-git-dir': 'switch', unpack: 'switch' },
  HEALTHCHECK: { interval: 'once', timeout: 'once', 'start-period': 'once', 'start-interval': 'once', retries: 'once' },
};

const oneValue = ({ keyword, rest }: Request): string => {
  if (rest === '') throw new InstructionMistake(`${keyword} needs one argument`, `write ${keyword} VALUE`);
  return rest;
};

const words = ({ keyword, rest }: Request): readonly string[] => {
  const list = readJsonList(rest) ?? splitBlanks(rest);
  if (list.length === 0) throw new InstructionMistake(`${keyword} needs at least one argument`);
  return list;
};

function commandLine({ rest, documents, warn, keyword }: Request): CommandLine {
  const argv = readJsonList(rest);
  if (argv !== undefined) return { form: 'exec', argv };
  if (/^\[\s*'/.test(rest)) warn(`${keyword} has a list that is not JSON, so a shell gets it`, 'use double quotes');
  return { form: 'shell', line: rest, documents };
}

function from({ rest, flags }: Request): InstructionBody {
  const [image, as, name, more] = splitBlanks(rest);
  if (
    image === undefined ||
    more !== undefined ||
    (as !== undefined && name === undefined) ||
    (as !== undefined && as.toLowerCase() !== 'as')
  )
    throw new InstructionMistake(
      'FROM takes an image, and AS with a name if wanted',
      'write FROM IMAGE or FROM IMAGE AS NAME',
    );
  const stage = name?.toLowerCase();
  if (stage !== undefined && !/^[a-z][a-z0-9-_.]*$/.test(stage))
    throw new InstructionMistake(
      `${JSON.stringify(name)} cannot name a stage`,
      'begin with a letter; letters, digits and - _ . may follow',
    );
  const { platform } = flags.once;
  return {
    kind: 'FROM',
    image,
    ...(stage !== undefined && { name: stage }),
    ...(platform !== undefined && { platform }),
  };
}

function arg({ rest, escape: character }: Request): InstructionBody {
  const args = splitQuoted(rest, character).map((word) => {
    const equals = word.indexOf('=');
    const name = equals < 0 ? word : word.slice(0, equals);
    if (name === '') throw new InstructionMistake('ARG needs a name before the =', 'write ARG NAME=VALUE');
    return equals < 0 ? { name } : { name, value: word.slice(equals + 1) };
  });
  if (args.length === 0)
    throw new InstructionMistake('ARG needs at least one name', 'write ARG NAME or ARG NAME=VALUE');
  return { kind: 'ARG', args };
}

function pairs(request: Request): InstructionBody {
  const keyword = request.keyword as 'ENV' | 'LABEL';
  const read = readPairs(keyword, request.rest, request.escape);
  if (read.old)
    request.warn(
      `${keyword} without = is the old form (LegacyKeyValueFormat)`,
      `write ${keyword} ${read.pairs[0]![0]}=…`,
    );
  return { kind: keyword, pairs: read.pairs };
}

function run(request: Request): InstructionBody {
  const { once, many } = request.flags;
  if (request.rest === '') throw new InstructionMistake('RUN needs a command', 'write RUN COMMAND');
  const among = (name: string, allowed: readonly string[]) => {
    const value = once[name];
    if (value === undefined || allowed.includes(value) || value.includes('$')) return;
    throw new InstructionMistake(`--${name}=${value} is not known`, `write one of ${allowed.join(', ')}`);
  };
  among('network', ['default', 'none', 'host']);
  among('security', ['sandbox', 'insecure']);
  const mounts = many['mount'] ?? [];
  for (const mount of mounts) checkMount(mount);
  return { kind: 'RUN', command: commandLine(request), flags: once, mounts, devices: many['device'] ?? [] };
}

function copy(request: Request): InstructionBody {
  const kind = request.keyword as 'COPY' | 'ADD';
  const list = readJsonList(request.rest) ?? splitBlanks(request.rest);
  const target = list.at(-1);
  if (target === undefined || list.length < 2)
    throw new InstructionMistake(`${kind} needs at least one source and a target`, `write ${kind} SOURCE TARGET`);
  const isJson = request.rest.startsWith('[') && request.documents.length === 0;
  const announced = (word: string) => (isJson ? undefined : announcedDocument(word));
  if (announced(target) !== undefined)
    throw new InstructionMistake(`a here-document cannot be the target of ${kind}`, 'name the target last');
  const sources = list.slice(0, -1).filter((word) => announced(word) === undefined);
  const { once, many } = request.flags;
  if (/\$./.test(once['from'] ?? ''))
    throw new InstructionMistake(
      '--from knows no variables',
      `write FROM ${once['from']} AS NAME above, and --from=NAME`,
    );
  return { kind, sources, documents: request.documents, target, flags: once, exclude: many['exclude'] ?? [] };
}

function healthcheck({ rest, flags: { once } }: Request): InstructionBody {
  const [, type = '', command = ''] = /^(\S*)\s*([\s\S]*)$/.exec(rest) ?? [];
  const time = (name: string): number => {
    const value = once[name];
    if (value === undefined) return 0;
    const duration = goDuration(value);
    if (duration === undefined || duration < 0)
      throw new InstructionMistake(`--${name}=${value} is no duration`, 'write it like 30s or 1m30s');
    if (duration > 0 && duration < 1e6)
      throw new InstructionMistake(`--${name}=${value} is less than a millisecond`, 'write 0 for the default');
    return duration;
  };
  const retries = once['retries'] ?? '0';
  if (!/^\d{1,9}$/.test(retries))
    throw new InstructionMistake(`--retries=${retries} is no count`, 'write a number from 0 on');
  const health = (test: readonly string[]): Health => ({
    test,
    interval: time('interval'),
    timeout: time('timeout'),
    startPeriod: time('start-period'),
    startInterval: time('start-interval'),
    retries: Number(retries),
  });
  if (/^none$/i.test(type)) {
    if (command !== '') throw new InstructionMistake('HEALTHCHECK NONE takes no arguments');
    return { kind: 'HEALTHCHECK', health: health(['NONE']) };
  }
  if (!/^cmd$/i.test(type))
    throw new InstructionMistake(
      `HEALTHCHECK ${type} is not known`,
      'write HEALTHCHECK CMD COMMAND or HEALTHCHECK NONE',
    );
  const argv = readJsonList(command);
  if (command === '' || argv?.length === 0) throw new InstructionMistake('HEALTHCHECK CMD needs a command');
  return { kind: 'HEALTHCHECK', health: health(argv === undefined ? ['CMD-SHELL', command] : ['CMD', ...argv]) };
}

function shell({ rest }: Request): InstructionBody {
  const argv = readJsonList(rest);
  if (argv === undefined || argv.length === 0)
    throw new InstructionMistake('SHELL needs a JSON list', 'write SHELL ["/bin/sh", "-c"]');
  return { kind: 'SHELL', argv };
}

function onbuild(request: Request): InstructionBody {
  const text = oneValue(request);
  const keyword = splitBlanks(text)[0]!.toUpperCase();
  if (['ONBUILD', 'FROM', 'MAINTAINER'].includes(keyword))
    throw new InstructionMistake(`${keyword} cannot be a trigger of ONBUILD`);
  const inner = parseInstruction(text, request.documents, request.escape, request.warn);
  const names = request.documents.length === 0 ? [] : documentNames(text);
  return {
    kind: 'ONBUILD',
    trigger: text + request.documents.map((document, i) => `\n${document.text}${names[i] ?? document.name}`).join(''),
    inner,
  };
}

const documentNames = (text: string): readonly string[] =>
  splitBlanks(text).flatMap((word) => announcedDocument(word)?.name ?? []);

const value = (request: Request): InstructionBody => ({ kind: request.keyword as 'USER', value: oneValue(request) });
const command = (request: Request): InstructionBody => ({
  kind: request.keyword as 'CMD',
  command: commandLine(request),
});
const wordList = (request: Request): InstructionBody => ({ kind: request.keyword as 'VOLUME', words: words(request) });

const TABLE: Readonly<Record<string, (request: Request) => InstructionBody>> = {
  FROM: from,
  ARG: arg,
  ENV: pairs,
  LABEL: pairs,
  RUN: run,
  CMD: command,
  ENTRYPOINT: command,
  COPY: copy,
  ADD: copy,
  VOLUME: wordList,
  EXPOSE: wordList,
  USER: value,
  WORKDIR: value,
  STOPSIGNAL: value,
  MAINTAINER: value,
  HEALTHCHECK: healthcheck,
  SHELL: shell,
  ONBUILD: onbuild,
};

/** Throws InstructionMistake. `text` is joined and trimmed. */
export function parseInstruction(
  text: string,
  documents: readonly HereDocument[],
  character: string,
  warn: (message: string, help: string) => void,
): InstructionBody {
  const word = /^\S+/.exec(text)?.[0] ?? '';
  const keyword = word.toUpperCase();
  const read = Object.hasOwn(TABLE, keyword) ? TABLE[keyword] : undefined;
  if (read === undefined) {
    const meant = nearest(word, Object.keys(TABLE));
    throw new InstructionMistake(
      `unknown instruction: ${word.slice(0, 80)}`,
      meant === undefined ? 'an instruction is one of those of the Dockerfile reference' : `did you mean ${meant}?`,
      0,
    );
  }
  const { flags, restAt } = splitFlags(text, word.length);
  const rest = text.slice(restAt);
  const request = {
    keyword,
    rest,
    flags: readFlags(keyword, flags, FLAGS[keyword] ?? {}),
    documents,
    escape: character,
    warn,
  };
  try {
    return read(request);
  } catch (error) {
    // Those who read the rest count from its beginning.
    if (!(error instanceof InstructionMistake) || error.offset === undefined) throw error;
    throw new InstructionMistake(error.message, error.help, error.offset + restAt);
  }
}
