/** `tcompose login` and `logout`: the same credentials as docker's, in the same place. */
import { TcomposeError } from '../../model/errors.ts';
import { usageError } from '../args.ts';
import { type Cli, command } from '../command.ts';
import { text, toggle } from '../flags.ts';
import { paint } from '../ui/paint.ts';
import { warningLine } from '../ui/progress.ts';

export const login = command({
  usage: '[SERVER]',
  flags: {
    username: text('u', 'NAME', 'who you are there'),
    password: text('p', 'PASSWORD', 'the password or a token; others see it in the list of processes'),
    'password-stdin': toggle('', 'read the password from standard input'),
  },
  takes: [0, 1],
  withoutRoot: () => true,
  dryRun: 'refused',
  run: async (cli, flags, [server]) => {
    if (flags.password !== undefined && flags['password-stdin'])
      throw usageError('--password and --password-stdin contradict each other', 'leave one out');
    if (flags['password-stdin'] && !flags.username)
      throw usageError('--password-stdin needs --username', 'add --username NAME');
    const warn = (words: string) => cli.out.note(warningLine(words, paint(cli.terminal.colorsOnStderr)));
    if (flags.password !== undefined) warn('--password shows the password to other users; use --password-stdin');
    const credentials = await credentialsOf(cli, flags);
    const { where, isPlain } = await (await cli.accounts()).login(server, credentials);
    if (isPlain) warn(`the password is kept in ${where}, not encrypted; a credential helper would keep it better`);
    cli.out.data('Login Succeeded\n');
    return 0;
  },
});

export const logout = command({
  usage: '[SERVER]',
  flags: {},
  takes: [0, 1],
  withoutRoot: () => true,
  dryRun: 'refused',
  run: async (cli, _, [server]) => {
    const { domain, wasKnown } = await (await cli.accounts()).logout(server);
    cli.out.data(wasKnown ? `Removing login credentials for ${domain}\n` : `Not logged in to ${domain}\n`);
    return 0;
  },
});

interface LoginFlags {
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly 'password-stdin': boolean;
}

async function credentialsOf(cli: Cli, flags: LoginFlags): Promise<{ username: string; password: string }> {
  const { askLine, askSecret } = await import('../ui/ask.ts');
  const needsTerminal = !flags.username || (flags.password === undefined && !flags['password-stdin']);
  if (needsTerminal && !cli.terminal.stdin)
    throw usageError('there is no terminal to ask for the password on', 'give --username NAME --password-stdin');
  const username = flags.username || (await askLine(cli, 'Username: '))?.trim();
  if (!username) throw nothingGiven('user name');
  if (username.includes(':')) throw usageError('a user name has no colon');
  const password =
    flags.password ?? (flags['password-stdin'] ? await readPassword() : await askSecret(cli, 'Password: '));
  if (!password) throw nothingGiven('password');
  return { username, password };
}

const nothingGiven = (what: string) => new TcomposeError(`no ${what} was given`, { code: 'usage', exitCode: 2 });

const PASSWORD_BYTES_MAX = 1 << 16;

/** All of it, without the end of its line. */
async function readPassword(): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of process.stdin as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > PASSWORD_BYTES_MAX) throw usageError('standard input is no password: it has more than 64 KiB');
    parts.push(part);
  }
  return Buffer.concat(parts)
    .toString()
    .replace(/\r?\n$/, '');
}
