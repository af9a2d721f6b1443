/** Signal names as Compose files and images write them: `SIGTERM`, `term`, `15`, `RTMIN+3`. */
import { TcomposeError } from '../../src/model/errors.ts';
import { SIGNALS } from '../../src/model/linux-names.ts';

const SYNONYMS: Readonly<Record<string, number>> = { IOT: 6, CLD: 17, POLL: 29, UNUSED: 31 };
/** The first two real-time signals are the C library's own. */
const RTMIN = 34;
const RTMAX = 64;

export function signalNumber(text: string): number {
  const name = text.trim().toUpperCase().replace(/^SIG/, '');
  const number = /^[0-9]+$/.test(name) ? Number(name) : (named(name) ?? realTime(name) ?? 0);
  if (number >= 1 && number <= RTMAX) return number;
  throw new TcomposeError(`there is no signal ${text}`, {
    code: 'signal-unknown',
    help: 'use a name like SIGTERM, or a number (signal(7))',
  });
}

function named(name: string): number | undefined {
  const index = SIGNALS.indexOf(name);
  return index >= 0 ? index + 1 : SYNONYMS[name];
}

function realTime(name: string): number | undefined {
  const [, base, distance] = /^(RTMIN|RTMAX)([+-][0-9]+)?$/.exec(name) ?? [];
  if (base === undefined) return undefined;
  const number = (base === 'RTMIN' ? RTMIN : RTMAX) + Number(distance ?? 0);
  return number >= RTMIN ? number : undefined;
}
