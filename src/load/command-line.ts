/** Ports, volumes and environment files as flags of `run` give them: read by the same rules as those of a file. */
import type { Diagnostic } from '../model/diagnostic.ts';
import { TcomposeError } from '../model/errors.ts';
import type { Mount, Port } from '../model/project.ts';
import { canonicalPort } from './canonical/ports.ts';
import { canonicalVolume } from './canonical/volumes.ts';
import { realDisk } from './disk.ts';
import { parseDotenv } from './dotenv.ts';
import { type Findings, makeFindings } from './findings.ts';
import { absolute } from './paths.ts';
import { shellWords } from './shell-words.ts';
import { type SpecNode, scalar } from './tree.ts';

type Rule = typeof canonicalPort;

/** `--publish 8080:80` */
export const portsOf = (words: readonly string[]): readonly Port[] =>
  words.flatMap((word) => read(word, '--publish', canonicalPort)) as unknown as readonly Port[];

/** `--volume ./data:/data:ro`; what is relative starts from here. */
export function mountsOf(words: readonly string[], cwd: string): readonly Mount[] {
  const mounts = words.flatMap((word) => read(word, '--volume', canonicalVolume)) as unknown as readonly Mount[];
  return mounts.map((mount) =>
    mount.type === 'bind' && mount.source !== undefined ? { ...mount, source: absolute(mount.source, cwd) } : mount,
  );
}

function read(word: string, flag: string, rule: Rule): readonly unknown[] {
  const findings = makeFindings();
  const mark = { source: { file: flag, text: word }, start: 0, end: word.length };
  const nodes = rule(scalar(word, mark), { findings, owner: flag, lenient: false });
  refuse(findings, flag);
  return nodes.map(plain);
}

function refuse(findings: Findings, what: string): void {
  const wrong: Diagnostic | undefined = findings.sorted().find(({ severity }) => severity === 'error');
  if (wrong === undefined) return;
  throw new TcomposeError(wrong.summary.startsWith(what) ? wrong.summary : `${what}: ${wrong.summary}`, {
    code: 'usage',
    exitCode: 2,
    ...(wrong.help === undefined ? {} : { help: wrong.help }),
  });
}

function plain(node: SpecNode): unknown {
  if (node.kind === 'scalar') return node.value;
  if (node.kind === 'list') return node.items.map(plain);
  return Object.fromEntries([...node.entries].map(([key, { value }]) => [key, plain(value)]));
}

/** `known` comes first: what it says is not said again by a file, and may be used in one. */
export function withEnvFiles(
  known: Readonly<Record<string, string>>,
  paths: readonly string[],
  cwd: string,
): Readonly<Record<string, string>> {
  const result: Record<string, string> = { ...known };
  for (const path of paths) {
    const from = absolute(path, cwd);
    const file = realDisk.read(from);
    if (!file.ok) throw new TcomposeError(`cannot read ${path}: ${file.why}`, { code: 'unreadable-file', exitCode: 2 });
    const { entries, problems } = parseDotenv({ file: from, text: file.text }, (name) => result[name]);
    if (problems[0]) throw new TcomposeError(`${path}: ${problems[0].summary}`, { code: 'bad-env-file', exitCode: 2 });
    for (const { key, value } of entries) if (value !== undefined && !(key in result)) result[key] = value;
  }
  return result;
}

/** `--entrypoint 'sh -c'` */
export function wordsOf(text: string, flag: string): readonly string[] {
  const split = shellWords(text);
  if (split.ok) return split.words;
  throw new TcomposeError(`${flag} "${text}": ${split.problem}`, { code: 'usage', exitCode: 2 });
}
