/** Contexts of a build, each opened once, with what its .dockerignore says. */
import type { BuildContext } from '../../../src/model/build.ts';
import { TcomposeError } from '../../../src/model/errors.ts';
import type { CopyServices, OpenContext, SourceTree } from '../copy/contract.ts';
import { openContext } from '../copy/open-context.ts';
import { ignoreFileNames, parseIgnoreFile } from '../ignore-file.ts';

export interface Opened {
  readonly context: OpenContext;
  tree(): Promise<SourceTree>;
}

/** `dockerfile`: its path in the context; its own ignore file wins. */
export async function open(
  services: CopyServices,
  wanted: BuildContext,
  dockerfile: string | undefined,
): Promise<Opened> {
  if (wanted.kind === 'image')
    throw new TcomposeError(`the image ${wanted.ref} is no context`, {
      code: 'build-context',
      help: 'give a folder, or name it as an additional context',
    });
  const context = await openContext(services, wanted);
  let tree: Promise<SourceTree> | undefined;
  return {
    context,
    tree: () => {
      tree ??= readTree(context, dockerfile);
      return tree;
    },
  };
}

async function readTree(context: OpenContext, dockerfile: string | undefined): Promise<SourceTree> {
  const names = dockerfile === undefined ? ['.dockerignore'] : ignoreFileNames(dockerfile);
  for (const name of names) {
    const text = await context.readText(name);
    if (text === undefined) continue;
    const { rules, mistakes } = parseIgnoreFile(text);
    const [mistake] = mistakes;
    if (mistake !== undefined)
      throw new TcomposeError(`${name}, line ${mistake.line}: ${mistake.message}`, {
        code: 'dockerignore',
        help: mistake.help,
      });
    return { kind: 'folder', path: context.folder, ignore: rules };
  }
  return { kind: 'folder', path: context.folder, ignore: [] };
}
