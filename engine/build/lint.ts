/**
 * What a Dockerfile may say and better does not: BuildKit's build checks by their names (docs.docker.com/reference/build-checks), as far as
 * the text alone tells. Each finding ends with its rule, which `# check=skip=RULE` leaves out. Pure.
 */
import type { Diagnostic } from '../../src/model/diagnostic.ts';
import { ExpansionFailure, expandWord } from './expand.ts';
import type { Dockerfile, Instruction, ParsedStage } from './instruction.ts';

export interface CheckSettings {
  /** Rules that nobody wants to hear of. */
  readonly skips: (finding: Diagnostic) => boolean;
  /** A warning is an error. */
  readonly isStrict: boolean;
}

/** `skip=all`, `skip=RULE,RULE;error=true`: of the directive `# check=`, or of the argument BUILDKIT_DOCKERFILE_CHECK. */
export function checkSettings(text: string): CheckSettings {
  const fields = new Map(
    text.split(';').map((field) => {
      const [key = '', value = ''] = field.split('=', 2).map((part) => part.trim());
      return [key, value] as const;
    }),
  );
  const skipped = (fields.get('skip') ?? '').split(',').map((rule) => rule.trim().toLowerCase());
  return {
    skips: ({ severity, summary }) =>
      severity === 'warning' &&
      (skipped.includes('all') || skipped.includes(/ \((\w+)\)$/.exec(summary)?.[1]?.toLowerCase() ?? '-')),
    isStrict: fields.get('error')?.toLowerCase() === 'true',
  };
}

type Tell = (rule: string, at: Instruction, summary: string, help: string) => void;

/** Values as FROM lines see them. */
export function lint(dockerfile: Dockerfile, globals: ReadonlyMap<string, string>): readonly Diagnostic[] {
  const findings: Diagnostic[] = [];
  const tell: Tell = (rule, { at }, summary, help) =>
    findings.push({ code: 'dockerfile', severity: 'warning', summary: `${summary} (${rule})`, at, help });
  const { stages, globalArgs } = dockerfile;
  const all = [...globalArgs, ...stages.flatMap(({ from, instructions }) => [from, ...instructions])];
  casing(all, tell);
  names(stages, tell);
  for (const stage of stages) {
    platform(stage, dockerfile, globals, tell);
    perStage(stage, stages, tell);
  }
  for (const instruction of all) perInstruction(instruction, tell);
  return findings;
}

const wordOf = ({ text }: Instruction): string => /^\S+/.exec(text)?.[0] ?? '';
const isUpper = (word: string): boolean => word === word.toUpperCase();

function casing(all: readonly Instruction[], tell: Tell): void {
  const upper = all.filter((one) => isUpper(wordOf(one))).length;
  const wantsUpper = upper * 2 >= all.length;
  for (const one of all) {
    const word = wordOf(one);
    if (word === (wantsUpper ? word.toUpperCase() : word.toLowerCase())) continue;
    const most = wantsUpper ? 'upper' : 'lower';
    tell(
      'ConsistentInstructionCasing',
      one,
      `${word} is not in ${most} case as the others are`,
      `write it in ${most} case`,
    );
  }
}

const RESERVED = ['scratch', 'context'];

function names(stages: readonly ParsedStage[], tell: Tell): void {
  const seen = new Set<string>();
  for (const { from } of stages) {
    if (from.name === undefined) continue;
    const [, as = '', written = ''] = /\s(as)\s+(\S+)\s*$/i.exec(from.text) ?? [];
    if (isUpper(as) !== isUpper(wordOf(from)))
      tell('FromAsCasing', from, `${wordOf(from)} and ${as} are not of one case`, 'write both in the same case');
    if (written !== from.name)
      tell('StageNameCasing', from, `the stage name ${written} is not in lower case`, `write ${from.name}`);
    if (seen.has(from.name))
      tell(
        'DuplicateStageName',
        from,
        `the stage name ${from.name} is used twice`,
        'give each stage a name of its own',
      );
    if (RESERVED.includes(from.name))
      tell('ReservedStageName', from, `${from.name} is a reserved word`, 'choose another name for the stage');
    seen.add(from.name);
  }
}

function platform(
  { from }: ParsedStage,
  { escape: character }: Dockerfile,
  globals: ReadonlyMap<string, string>,
  tell: Tell,
) {
  if (/^\$\{?TARGETPLATFORM\}?$/.test(from.platform ?? ''))
    tell('RedundantTargetPlatform', from, '--platform=$TARGETPLATFORM is so anyway', 'leave it out');
  else if (from.platform !== undefined && !from.platform.includes('$'))
    tell(
      'FromPlatformFlagConstDisallowed',
      from,
      `--platform=${from.platform} is fixed`,
      'leave it to who builds: --platform',
    );
  for (const name of missing(from.image, character, globals))
    tell(
      'UndefinedArgInFrom',
      from,
      `FROM uses ${name}, which no ARG before it gives a value`,
      `write ARG ${name}=VALUE at the top`,
    );
}

function missing(text: string, character: string, globals: ReadonlyMap<string, string>): Iterable<string> {
  try {
    // What has a default of its own (`${NAME:-x}`) is meant to be missing.
    return [...expandWord(text, globals, { escape: character }).missing].filter((name) => !text.includes(`{${name}:`));
  } catch (error) {
    if (error instanceof ExpansionFailure) return [];
    throw error;
  }
}

const ONCE = ['CMD', 'ENTRYPOINT', 'HEALTHCHECK'];

function perStage({ from, instructions }: ParsedStage, stages: readonly ParsedStage[], tell: Tell): void {
  const last = new Map(instructions.map((one) => [one.kind, one]));
  // A stage that is built from another one stands where that stood.
  let isPlaced = stages.some((other) => other.from.name === from.image.toLowerCase());
  let hasShell = false;
  for (const one of instructions) {
    if (ONCE.includes(one.kind) && last.get(one.kind) !== one)
      tell('MultipleInstructionsDisallowed', one, `only the last ${one.kind} of a stage counts`, 'remove this one');
    hasShell ||= one.kind === 'SHELL';
    if ((one.kind === 'CMD' || one.kind === 'ENTRYPOINT') && one.command.form === 'shell' && !hasShell)
      tell(
        'JSONArgsRecommended',
        one,
        `${one.kind} as a line is run by a shell, which gets the signals`,
        'write a JSON list',
      );
    if (one.kind !== 'WORKDIR') continue;
    if (!isPlaced && !/^["']?[/$]/.test(one.value))
      tell(
        'WorkdirRelativePath',
        one,
        `WORKDIR ${one.value} depends on the image below`,
        'begin with an absolute WORKDIR',
      );
    isPlaced = true;
  }
}

const SECRET = /(?:_|^)(?:apikey|auth|credentials?|key|password|pword|passwd|secret|token)(?:_|$)/i;
const PUBLIC = /(?:_|^)public(?:_|$)/i;

function perInstruction(one: Instruction, tell: Tell): void {
  if (one.kind === 'MAINTAINER')
    tell('MaintainerDeprecated', one, 'MAINTAINER is deprecated', 'write LABEL org.opencontainers.image.authors="…"');
  const named =
    one.kind === 'ENV' ? one.pairs.map(([name]) => name) : one.kind === 'ARG' ? one.args.map(({ name }) => name) : [];
  for (const name of named)
    if (SECRET.test(name) && !PUBLIC.test(name))
      tell(
        'SecretsUsedInArgOrEnv',
        one,
        `${name} looks like a secret, and everybody sees it in the image`,
        'use RUN --mount=type=secret',
      );
  if (one.kind === 'EXPOSE' && one.words.some((word) => /\/[a-z]*[A-Z]/.test(word)))
    tell('ExposeProtoCasing', one, `${one.words.join(' ')}: protocols are written in lower case`, 'write tcp or udp');
}
