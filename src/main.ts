/** The only file that knows both halves: hands the engine and the loader to the command line, and its result to the shell. */
import { join } from 'node:path';
import { dispatch } from './cli/dispatch.ts';
import type { RunGit } from './model/git-commit.ts';
import type { Registry } from './model/registry.ts';
import type { Remotes } from './model/remote.ts';

declare const TCOMPOSE_VERSION: string;

/** The bundle lies in dist/, one below the folder of the package. */
const home = join(import.meta.dirname, '..');

// bin/tcompose has kept it from Node. From here on it is what the user has set: Compose files may ask for it.
if (process.env['TCOMPOSE_EXTRA_CA_CERTS'] !== undefined) {
  process.env['NODE_EXTRA_CA_CERTS'] = process.env['TCOMPOSE_EXTRA_CA_CERTS'];
  delete process.env['TCOMPOSE_EXTRA_CA_CERTS'];
}

const runGit: RunGit = async (words, run) => (await import('../engine/build/context/run-git.ts')).runGit(words, run);

async function openRegistry(signal?: AbortSignal): Promise<Registry> {
  const registry = await import('../engine/registry/index.ts');
  return registry.openRegistry(process.env, signal);
}

let remotes: Promise<Remotes> | undefined;
let isOver = false;
const exit = (code: number): never => {
  isOver = true;
  return process.exit(code);
};

const code = dispatch(
  process.argv.slice(2),
  {
    version: TCOMPOSE_VERSION,
    program: join(home, 'bin', 'tcompose'),
    env: { ...process.env },
    cwd: () => process.cwd(),
    isRoot: () => process.geteuid?.() === 0,
    onStray: (listener) => void process.on('uncaughtException', listener),
    openEngine: async (paths) => {
      const [{ createEngine }, { addSystemFolders }] = await Promise.all([
        import('../engine/index.ts'),
        import('../engine/system/search-path.ts'),
      ]);
      // Only for the engine: files see the user's PATH.
      addSystemFolders(process.env);
      return createEngine({ paths, launcher: join(home, 'dist', 'tcompose-launcher') });
    },
    openRegistry,
    openAccounts: async (signal) => (await import('../engine/registry/login.ts')).openAccounts(process.env, signal),
    remotes: {
      fetch: async (address, byRemote) => {
        remotes ??= import('./remote/index.ts').then(({ openRemotes }) =>
          openRemotes({ env: process.env, registry: () => openRegistry(), runGit }),
        );
        return (await remotes).fetch(address, byRemote);
      },
    },
    load: async (wish) => {
      const { load } = await import('./load/index.ts');
      return load(wish);
    },
    renderDiagnostics: async (diagnostics, options) => {
      const { renderDiagnostics, workTree } = await import('./cli/ui/diagnostic.ts');
      const { colors: colour, cwd, format } = options;
      const root = format === 'github' ? { root: workTree(cwd, process.env) } : {};
      return renderDiagnostics(diagnostics, format, { cwd, colour, ...root });
    },
  },
  exit,
);
// Node ends when nothing is left to wait for, and would say that all went well: a promise that nobody keeps must not look so.
process.exitCode = 1;
process.on('exit', (status) => {
  if (!isOver) process.stderr.write(`error: this is a bug in tcompose: it ended (${status}) before it was done\n`);
});
void code.then(exit);
