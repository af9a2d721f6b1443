/** `tcompose why`: follows a connection hop by hop, and names the one that breaks it. */
import type { Why } from '../../operations/why.ts';
import { command } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { count, given, text, toggle } from '../flags.ts';
import { jsonPretty } from '../ui/json.ts';
import { type Paint, paint, printable } from '../ui/paint.ts';

export const why = command({
  usage: 'SERVICE TARGET[:PORT]',
  flags: {
    udp: toggle('', 'a datagram port: who listens is looked at, nothing is sent'),
    index: count('', 'N', 'which container of the service'),
    format: text('', 'FORMAT', 'how to print: text or json', { choices: ['text', 'json'] }),
  },
  takes: [2, 2],
  notes: `SERVICE may be "host" (this machine) or "outside" (another one): those come by published ports. TARGET is a service, a name, or an
address. The asker's own name server is asked, from within its network, and a connection is tried. Ends with 1 when it does not work.`,
  run: async (cli, flags, [from = '', to = '']) => {
    const target = await cli.target();
    const operation = await import('../../operations/why.ts');
    const options = { from, to, ...(flags.udp ? { protocol: 'udp' as const } : {}), ...given({ index: flags.index }) };
    const answer = await cli.read((context) => operation.why(context, target, options));
    if (flags.format === 'json') cli.out.data(jsonPretty(answer));
    else cli.out.data(renderWhy(answer, paint(cli.terminal.colorsOnStdout)));
    return answer.works ? EXIT.ok : EXIT.failed;
  },
});

const SIGNS = { ok: ['green', '✔'], warning: ['boldYellow', '!'], broken: ['boldRed', '✘'] } as const;
const WIDTH = 'published'.length;

function renderWhy({ from, to, works, brokenAt, hops }: Why, color: Paint): string {
  const lines = hops.map(({ hop, state, says, help }) => {
    const [hue, sign] = SIGNS[state];
    const advice = (help ?? '').split('\n').filter(Boolean);
    const below = advice.map((line) => `   ${' '.repeat(WIDTH)}  ${printable(line)}\n`).join('');
    return ` ${color(hue, sign)} ${hop.padEnd(WIDTH)}  ${printable(says)}\n${below}`;
  });
  const end = works ? 'works' : `does not work: it breaks at "${brokenAt}"`;
  return `${lines.join('')}${color('bold', printable(`${from} → ${to} ${end}`))}\n`;
}
