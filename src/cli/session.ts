/** One run of one command: the project it is about, the engine it uses, what it shows, and how it is interrupted. */
import { existsSync } from 'node:fs';
import type { Diagnostic } from '../model/diagnostic.ts';
import type { Engine } from '../model/engine.ts';
import { TcomposeError } from '../model/errors.ts';
import type { Emit } from '../model/events.ts';
import type { Project } from '../model/project.ts';
import type { Registry } from '../model/registry.ts';
import type { Context } from '../operations/context.ts';
import { asRoot } from './as-root.ts';
import type { Cli } from './command.ts';
import type { Doors, LoadWish } from './doors.ts';
import type { Globals } from './flags.ts';
import type { Interrupt } from './interrupt.ts';
import type { Output } from './ui/output.ts';
import { paint } from './ui/paint.ts';
import { createProgress, warningLine } from './ui/progress.ts';
import { examineTerminal, type Terminal } from './ui/terminal.ts';

export interface Session {
  readonly doors: Doors;
  readonly commands: Cli['commands'];
  readonly globals: Globals;
  /** As typed, for the line that runs it as root. */
  readonly words: readonly string[];
  /** `up`, `image import`. */
  readonly name: string;
  readonly out: Output;
  readonly interrupt: Interrupt;
}

/** A file has mistakes: they were printed, the exit code is all that is left to say. */
export class MistakesPrinted extends TcomposeError {
  constructor(findings: readonly Diagnostic[]) {
    const count = findings.filter((one) => one.severity === 'error').length;
    super(`${count} ${count === 1 ? 'mistake' : 'mistakes'} in the Compose files`, {
      code: 'invalid-project',
      exitCode: 2,
    });
  }
}

export function createCli(session: Session): Cli {
  const { doors, globals, out, interrupt } = session;
  let terminal: Terminal | undefined;
  let registry: Promise<Registry> | undefined;
  const cli: Cli = {
    globals,
    env: doors.env,
    out,
    version: doors.version,
    commands: session.commands,
    get terminal() {
      terminal ??= examineTerminal(globals, doors.env);
      return terminal;
    },
    tell: (findings, options) => tellFindings(findings, { doors, out, cli, json: options?.json === true }),
    wish: (services = []) => wishOf(doors, globals, services),
    project: async (services) => (await loadProject(session, cli, cli.wish(services), false))!,
    target: async (services) => {
      const name = globals['project-name'];
      if (name && globals.file.length === 0 && !doors.env['COMPOSE_FILE']) return { name: checkedName(name) };
      const fallback = globals.file.length === 0 ? doors.env['COMPOSE_PROJECT_NAME'] : undefined;
      // The project runs already: what it cannot have was said by `up`.
      const wish = { ...cli.wish(services), skip: { support: true } };
      const loaded = await loadProject(session, cli, wish, fallback !== undefined && fallback !== '');
      return loaded ? { name: loaded.name, project: loaded } : { name: checkedName(fallback!) };
    },
    pinImage: async (image) => {
      registry ??= doors.openRegistry(interrupt.signal);
      return (await registry).pin(image);
    },
    accounts: () => doors.openAccounts(interrupt.signal),
    read: (use) =>
      withEngine(session, (engine) => {
        const emit: Emit = (event) => {
          if (event.type === 'warning') out.note(warningLine(event.text, paint(cli.terminal.colorsOnStderr)));
        };
        return use(contextOf(session, engine, emit));
      }),
    change: (title, use, options) =>
      withEngine(session, async (engine) => {
        const dryRun = globals['dry-run'];
        const shown = options?.quiet ? { ...cli.terminal, progress: 'quiet' as const } : cli.terminal;
        const progress = createProgress(out, shown, { title, dryRun });
        interrupt.arm();
        const used = dryRun ? (await import('./dry-run.ts')).dryEngine(engine) : engine;
        const findings = new Map<string, Diagnostic>();
        const emit: Emit = (event) => {
          if (event.type === 'build' && event.event.type === 'finding') {
            const { finding } = event.event;
            findings.set(JSON.stringify([finding.code, finding.summary, finding.at]), finding);
          }
          progress.emit(event);
        };
        try {
          return await use(contextOf(session, used, emit), progress);
        } finally {
          await progress.finish();
          if (shown.progress !== 'quiet') await cli.tell([...findings.values()]);
        }
      }),
    onInterrupt: (listener) => interrupt.listen(listener),
  };
  return cli;
}

function contextOf({ doors, interrupt }: Session, engine: Engine, emit: Emit): Context {
  return {
    engine,
    emit,
    signal: interrupt.signal,
    clock: Date.now,
    version: doors.version,
    readText: async (path) => (await import('node:fs/promises')).readFile(path, 'utf8'),
    digestFile: async (path, salt) => (await import('./digest-file.ts')).digestFile(path, salt),
    readSmall: async (path) => (await import('./read-small.ts')).readSmall(path),
  };
}

async function withEngine<T>(session: Session, use: (engine: Engine) => Promise<T>): Promise<T> {
  const { doors, globals } = session;
  const engine = await doors.openEngine({
    root: globals.root ?? (doors.env['TCOMPOSE_ROOT'] || '/var/lib/tcompose'),
    run: globals.run ?? (doors.env['TCOMPOSE_RUN'] || '/run/tcompose'),
  });
  try {
    return await use(engine);
  } finally {
    await engine.close();
  }
}

export function rootNeeded({ doors, words, name }: Pick<Session, 'doors' | 'words' | 'name'>): TcomposeError {
  const hasSudo = (doors.env['PATH'] ?? '').split(':').some((folder) => existsSync(`${folder}/sudo`));
  return new TcomposeError(`${name} needs root`, {
    code: 'needs-root',
    help: `run:\n${asRoot({ program: doors.program, words, env: doors.env, hasSudo })}`,
  });
}

function wishOf(doors: Doors, globals: Globals, services: readonly string[]): LoadWish {
  const directory = globals['project-directory'] ?? globals.workdir;
  return {
    cwd: doors.cwd(),
    environment: doors.env,
    files: globals.file,
    profiles: globals.profile,
    envFiles: globals['env-file'],
    services,
    allResources: globals['all-resources'],
    ...(doors.remotes !== undefined && { remotes: doors.remotes }),
    ...(globals['project-name'] !== undefined && { projectName: globals['project-name'] }),
    ...(directory !== undefined && { projectDirectory: directory }),
  };
}

/** `mayBeMissing`: nothing where there is no file at all. */
async function loadProject(
  { doors }: Session,
  cli: Cli,
  wish: LoadWish,
  mayBeMissing: boolean,
): Promise<Project | undefined> {
  const loaded = await doors.load(wish);
  if (mayBeMissing && loaded.diagnostics.some((one) => one.code === 'no-compose-file')) return undefined;
  await cli.tell(loaded.diagnostics);
  if (loaded.project) return loaded.project;
  throw new MistakesPrinted(loaded.diagnostics);
}

interface Telling extends Pick<Session, 'doors' | 'out'> {
  readonly cli: Cli;
  readonly json: boolean;
}

async function tellFindings(found: readonly Diagnostic[], { doors, out, cli, json }: Telling): Promise<void> {
  if (found.length === 0) return;
  if (cli.terminal.progress === 'json') {
    for (const one of found) {
      out.note(
        `${JSON.stringify({ ...(one.severity === 'error' && { error: true }), ...one, message: one.summary })}\n`,
      );
    }
    return;
  }
  const style = { colors: cli.terminal.colorsOnStderr, cwd: doors.cwd() };
  out.note(await doors.renderDiagnostics(found, { ...style, format: json ? 'json' : 'human' }));
  // Beside the frames: the log of a run has no other place where people would see them.
  if (doors.env['GITHUB_ACTIONS'] === 'true')
    out.note(await doors.renderDiagnostics(found, { ...style, format: 'github' }));
}

function checkedName(name: string): string {
  if (/^[a-z0-9][a-z0-9_-]*$/.test(name)) return name;
  throw new TcomposeError(`invalid project name "${name}"`, {
    code: 'invalid-project-name',
    exitCode: 2,
    help: 'use lower-case letters, digits, hyphens and underscores, beginning with a letter or a digit',
  });
}
