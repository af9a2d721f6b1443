/** The built CLI as a user runs it, in a throw-away instance and project folder, with a transcript for when a test fails. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, onTestFailed } from 'vitest';
import { type Instance, makeInstance, nothingIsLeft, removeInstance, scratchFolder } from './instance.ts';
import { type ProgramResult, type RunOptions, runProgram } from './run-program.ts';
import { baseTar, busyboxTar } from './small-image.ts';

export const TOP = new URL('../..', import.meta.url).pathname;
export const TCOMPOSE = join(TOP, 'bin/tcompose');

export interface StackOptions {
  /** Relative path → content, written to the project's folder. */
  readonly files?: Readonly<Record<string, string>>;
  /** A folder to run in instead, such as an example. */
  readonly folder?: string;
  /** `small` is `busybox:latest`; `base` is `tcompose-demo/base`. Default: small. */
  readonly image?: 'small' | 'base' | 'none';
  readonly onTmpfs?: string;
}

export interface Stack {
  readonly instance: Instance;
  readonly folder: string;
  /** `bin/tcompose ARG…` in the project's folder. */
  readonly run: (...argv: string[]) => Promise<ProgramResult>;
  readonly runWith: (options: RunOptions, ...argv: string[]) => Promise<ProgramResult>;
  /** As run, but a failure fails the test. Returns standard output. */
  readonly must: (...argv: string[]) => Promise<string>;
  readonly write: (path: string, content: string) => Promise<void>;
}

/**
 * For one test file: made before its tests; after them brought down with its volumes, checked to have left nothing on the
 * host, and removed. The returned object is filled in by then.
 */
export function useStack(options: StackOptions = {}): Stack {
  const stack = {} as { -readonly [K in keyof Stack]: Stack[K] };
  const transcript: string[] = [];
  beforeAll(async () => Object.assign(stack, await makeStack(options, transcript)));
  afterAll(async () => {
    if (!stack.instance) return; // It could not be made; the reason is already told.
    try {
      const projects = JSON.parse((await stack.run('ls', '-a', '--format', 'json')).stdout || '[]') as {
        Name: string;
      }[];
      for (const { Name } of projects) await stack.must('-p', Name, 'down', '-v', '-t', '0');
      await nothingIsLeft(stack.instance);
    } finally {
      await removeInstance(stack.instance);
      if (!options.folder) await rm(stack.folder, { recursive: true, force: true });
    }
  });
  tellOnFailure(transcript);
  return stack;
}

async function makeStack(options: StackOptions, transcript: string[]): Promise<Stack> {
  const instance = await makeInstance(options.onTmpfs ? { onTmpfs: options.onTmpfs } : {});
  const folder = options.folder ?? (await mkdtemp(join(scratchFolder(), 'project-')));
  const write = async (path: string, content: string) => {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  };
  for (const [path, content] of Object.entries(options.files ?? {})) await write(path, content);
  const runWith = async (how: RunOptions, ...argv: string[]) => {
    const result = await runProgram([TCOMPOSE, ...argv], { cwd: folder, env: instance.env, ...how });
    transcript.push(
      `$ tcompose ${argv.join(' ')}  [${result.code}, ${Math.round(result.elapsedMs)} ms]`,
      result.stdout + result.stderr,
    );
    return result;
  };
  const run = (...argv: string[]) => runWith({}, ...argv);
  const must = async (...argv: string[]) => {
    const result = await run(...argv);
    if (result.code !== 0)
      throw new Error(`tcompose ${argv.join(' ')} ended with ${result.code}:\n${result.stdout}${result.stderr}`);
    return result.stdout;
  };
  const image = options.image ?? 'small';
  if (image === 'small') await must('image', 'import', '--change', 'CMD ["sh"]', await busyboxTar(), 'busybox:latest');
  if (image === 'base')
    await must('image', 'import', '--change', 'ENV LANG=C.UTF-8', await baseTar(), 'tcompose-demo/base');
  return { instance, folder, run, runWith, must, write };
}

/** What came before a failure usually explains it. */
function tellOnFailure(transcript: string[]): void {
  beforeEach(() => {
    transcript.length = 0;
    onTestFailed(() => console.log(['the commands of this test:', ...transcript].join('\n')));
  });
}
