/** `tcompose completion`: a script for the shell, printed from the table of commands. */
import { command } from '../command.ts';

const HOW = `To load it:
  bash  source <(tcompose completion bash)          (or save it in /etc/bash_completion.d/tcompose)
  zsh   tcompose completion zsh > ~/.zfunc/_tcompose    (a folder of $fpath)
  fish  tcompose completion fish > ~/.config/fish/completions/tcompose.fish
`;

export const completion = command({
  usage: 'bash|zsh|fish',
  flags: {},
  takes: [1, 1],
  withoutRoot: () => true,
  notes: HOW,
  run: async (cli, _flags, [shell]) => {
    const { completionScript } = await import('../completion.ts');
    cli.out.data(await completionScript(shell!, cli.commands));
    return 0;
  },
});
