/** `tcompose version`. */
import { command } from '../command.ts';
import { text, toggle } from '../flags.ts';
import { jsonLine } from '../ui/json.ts';

export const version = command({
  usage: '',
  flags: {
    format: text('f', 'FORMAT', 'how to print: pretty or json', { choices: ['pretty', 'json'] }),
    short: toggle('', 'the number only'),
  },
  takes: [0, 0],
  withoutRoot: () => true,
  run: async ({ out, version: number }, flags) => {
    if (flags.format === 'json') out.data(jsonLine({ version: `v${number}` }));
    else out.data(flags.short ? `${number}\n` : `tcompose version v${number}\n`);
    return 0;
  },
});
