// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of Dockerfiles, not of templates
/** What `build --check` tells of a Dockerfile's style: the names of the rules, and the lines. */
import { describe, expect, test } from 'vitest';
import { checkSettings, lint } from '../../../engine/build/lint.ts';
import { parseDockerfile } from '../../../engine/build/parse.ts';
import { globalValues } from '../../../engine/build/scope.ts';

function rules(text: string): readonly string[] {
  const { dockerfile, findings } = parseDockerfile(text, 'Dockerfile');
  expect(findings.filter(({ severity }) => severity === 'error')).toEqual([]);
  const globals = globalValues(dockerfile, { given: {}, automatic: { TARGETPLATFORM: 'linux/amd64' } });
  return [...findings, ...lint(dockerfile, globals)].map(
    ({ summary, at }) => `${at?.start.line} ${/\((\w+)\)$/.exec(summary)?.[1]}`,
  );
}

describe('the rules', () => {
  test.each([
    ['FROM a AS Base', ['1 StageNameCasing']],
    ['FROM a as base', ['1 FromAsCasing']],
    ['from a as base\nrun x', []],
    ['FROM a\nrun x\nRUN y', ['2 ConsistentInstructionCasing']],
    ['FROM a\nRun x', ['2 ConsistentInstructionCasing']],
    ['FROM a AS x\nFROM b AS x', ['2 DuplicateStageName']],
    ['FROM a AS scratch', ['1 ReservedStageName']],
    ['FROM --platform=$TARGETPLATFORM a', ['1 RedundantTargetPlatform']],
    ['FROM --platform=linux/arm64 a', ['1 FromPlatformFlagConstDisallowed']],
    ['FROM --platform=$BUILDPLATFORM a', []],
    ['FROM a:$V', ['1 UndefinedArgInFrom']],
    ['ARG V=1\nFROM a:$V', []],
    ['FROM a:${V:-1}', []],
    ['FROM a\nCMD x\nCMD ["y"]', ['2 MultipleInstructionsDisallowed', '2 JSONArgsRecommended']],
    ['FROM a\nSHELL ["/bin/bash", "-c"]\nENTRYPOINT x', []],
    ['FROM a\nWORKDIR x\nWORKDIR y', ['2 WorkdirRelativePath']],
    ['FROM a\nWORKDIR /x\nWORKDIR y', []],
    ['FROM a AS b\nWORKDIR /x\nFROM b\nWORKDIR y', []],
    ['FROM a\nMAINTAINER x', ['2 MaintainerDeprecated']],
    ['FROM a\nARG DB_PASSWORD\nENV PUBLIC_KEY=1 KEYS=2 MONKEY=3', ['2 SecretsUsedInArgOrEnv']],
    ['FROM a\nEXPOSE 80/TCP', ['2 ExposeProtoCasing']],
    ['FROM a\nENV a b', ['2 LegacyKeyValueFormat']],
    ['FROM a\nRUN a \\\n\n b', ['3 NoEmptyContinuation']],
  ])('%j', (text, expected) => expect(rules(text)).toEqual(expected));
});

test('a directive leaves rules out, by any case of their names or all, but never an error; it may make errors of warnings', () => {
  const finding = { code: 'dockerfile', severity: 'warning', summary: 'x (StageNameCasing)' } as const;
  expect(checkSettings('skip=FromAsCasing, stagenamecasing').skips(finding)).toBe(true);
  expect(checkSettings('skip=FromAsCasing').skips(finding)).toBe(false);
  expect(checkSettings('skip=all;error=true').skips(finding)).toBe(true);
  expect(checkSettings('skip=all').skips({ ...finding, severity: 'error' })).toBe(false);
  expect(checkSettings('').skips({ ...finding, summary: 'without a rule' })).toBe(false);
  expect(checkSettings('error=true').isStrict).toBe(true);
  expect(checkSettings('').isStrict).toBe(false);
});
