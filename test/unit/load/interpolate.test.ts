/** `${VAR}` substitution: every operator, nesting, and what is left alone. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the very syntax under test
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { interpolate, variablesIn } from '../../../src/load/interpolate.ts';

const values: Readonly<Record<string, string>> = { SET: 'value', EMPTY: '', OTHER: 'x' };
const lookup = (name: string) => values[name];

const right: readonly (readonly [string, string])[] = [
  ['plain', 'plain'],
  ['$SET and ${SET}', 'value and value'],
  ['${SET:-d} ${EMPTY:-d} ${NONE:-d}', 'value d d'],
  ['${SET-d} ${EMPTY-d} ${NONE-d}', 'value  d'],
  ['${SET:+d} ${EMPTY:+d} ${NONE:+d}', 'd  '],
  ['${SET+d} ${EMPTY+d} ${NONE+d}', 'd d '],
  ['${SET:?m} ${SET?m} ${EMPTY?m}', 'value value '],
  ['${NONE:-${OTHER:-y}} ${NONE:-${NONE:-z}}', 'x z'],
  ['${NONE:-{"a": 1}}', '{"a": 1}'],
  ['${NONE:-a\nb}', 'a\nb'],
  ['${NONE:-a:-b}', 'a:-b'],
  ['$${SET} $$SET $$$SET', '${SET} $SET $value'],
  ['^a$ $1 $ 5$', '^a$ $1 $ 5$'],
  ['${_x1:-d}$_x1', 'd'],
  ['${SET:-$NONE}', 'value'],
];

describe('interpolation', () => {
  for (const [text, wanted] of right) {
    test(`${JSON.stringify(text)} becomes ${JSON.stringify(wanted)}`, () => {
      const result = interpolate(text, lookup);
      expect(result.ok && result.text).toBe(wanted);
    });
  }

  for (const text of ['${', '${}', '${ X}', '${X }', '${X!}', '${X', '${1}', '${X[0]}']) {
    test(`${text} is malformed`, () => {
      expect(interpolate(text, lookup)).toMatchObject({ ok: false, problem: 'malformed' });
    });
  }

  test('a required variable that is missing gives its message, with variables filled in', () => {
    expect(interpolate('${NONE:?need ${OTHER}}', lookup)).toMatchObject({ name: 'NONE', message: 'need x' });
    expect(interpolate('${EMPTY:?}', lookup)).toMatchObject({ name: 'EMPTY', message: '' });
  });

  test('a branch that is not taken neither warns nor fails', () => {
    expect(interpolate('${SET:-${NONE:?x}} ${SET:-$NONE}', lookup)).toEqual({
      ok: true,
      text: 'value value',
      unset: [],
      defaulted: [],
    });
  });

  test('a default that stands in is told with its variable', () => {
    expect(interpolate('${NONE:-a${NONE2-b}} ${SET:-c}', lookup)).toMatchObject({
      text: 'ab value',
      defaulted: [
        { name: 'NONE2', value: 'b' },
        { name: 'NONE', value: 'ab' },
      ],
    });
  });

  test('only plain uses without a default count as unset', () => {
    expect(interpolate('$NONE ${NONE2} ${NONE3:-}', lookup)).toMatchObject({ unset: ['NONE', 'NONE2'] });
  });

  test('every variable of a string is listed, those in defaults too', () => {
    expect(variablesIn('$A ${B:-${C:?m}}').map(({ name, operator }) => name + operator)).toEqual(['A', 'B:-', 'C:?']);
  });

  test('no text makes it throw or hang', () => {
    const soup = fc.array(fc.constantFrom('$', '{', '}', 'A', ':', '-', '?', '+', '$$', '${', ' '), { maxLength: 200 });
    fc.assert(
      fc.property(soup, (parts) => typeof interpolate(parts.join(''), lookup).ok === 'boolean'),
      { seed: 3, numRuns: 3000, interruptAfterTimeLimit: 3000 },
    );
    expect(interpolate('${A:-'.repeat(5000), lookup).ok).toBe(false);
    expect(interpolate(`${'${A:-'.repeat(5000)}${'}'.repeat(5000)}`, lookup).ok).toBe(false);
  });
});
