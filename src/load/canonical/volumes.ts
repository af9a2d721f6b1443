/** Mounts of a service: `[SOURCE:]TARGET[:OPTIONS]` and the long form. */
import { posix } from 'node:path';
import { nearestOf } from '../../validate/did-you-mean.ts';
import { type MapNode, map, record, type ScalarNode, type SpecNode, scalar, within } from '../tree.ts';
import { type CanonicalContext, isUnresolved } from './context.ts';

const PROPAGATIONS = ['rprivate', 'private', 'rshared', 'shared', 'rslave', 'slave'];
/** For file sharing of virtual machines: without effect on Linux, as with Docker. */
const CONSISTENCY = ['cached', 'delegated', 'consistent'];
/** Podman's word. The specification has none, so the long form has it as an extension; volumes are always so. */
const IDMAP = 'idmap';
const OPTIONS = ['ro', 'rw', 'nocopy', 'z', 'Z', IDMAP, ...PROPAGATIONS];

export function canonicalVolume(node: SpecNode, context: CanonicalContext): readonly SpecNode[] {
  if (node.kind === 'map') return [cleanTarget(node)];
  if (node.kind !== 'scalar') return [];
  const text = String(node.value);
  if (isUnresolved(text, context)) return [node];
  const parts = splitVolume(text);
  const problem = problemOf(parts);
  if (problem !== undefined) {
    context.findings.error('bad-volume', `${context.owner}: volume "${text}": ${problem}`, node.mark, {
      help: 'write SOURCE:TARGET, SOURCE:TARGET:ro or TARGET, for example "./data:/var/lib/data"',
    });
    return [];
  }
  return [longForm(parts, node, context)];
}

function problemOf(parts: readonly string[]): string | undefined {
  if (parts.length === 1 && /^:?$/.test(parts[0]!)) return 'it is empty';
  if (parts.some((part) => part === '')) return 'there is nothing between two colons';
  return parts.length > 3 ? 'it has too many colons' : undefined;
}

/** On colons, but not on that of `C:\` and not inside `${…}`. */
export function splitVolume(text: string): readonly string[] {
  if (text.length <= 2) return [text];
  if (!/\$\{|^[A-Za-z]:[\\/]|:[A-Za-z]:\\/.test(text)) return text.split(':');
  const parts: string[] = [];
  let part = '';
  let braces = 0;
  for (let at = 0; at < text.length; at++) {
    const char = text[at]!;
    if (text.startsWith('${', at)) braces += 1;
    if (char === '}' && braces > 0) braces -= 1;
    if (char === ':' && braces === 0 && !isDrive(parts, part, text.slice(at, at + 4096))) {
      parts.push(part);
      part = '';
    } else part += char;
  }
  return [...parts, part];
}

/** `C:\x`, and `C:/x:/y`; `v:/x` is a volume named v. */
function isDrive(before: readonly string[], part: string, rest: string): boolean {
  if (!/^[A-Za-z]$/.test(part)) return false;
  if (rest.startsWith(':\\')) return true;
  return before.length === 0 ? /^:\/[^:]*:[/\\]/.test(rest) : /^[A-Za-z]:/.test(before[0]!) && rest.startsWith(':/');
}

/** A path of the host, rather than the name of a volume. */
export function isHostPath(source: string): boolean {
  return /^[./~]|^\\\\|^[A-Za-z]:[\\/]/.test(source);
}

function longForm(parts: readonly string[], node: ScalarNode, context: CanonicalContext): MapNode {
  const source = parts.length === 1 ? undefined : parts[0]!;
  const target = parts.length === 1 ? parts[0]! : parts[1]!;
  const isBind = source !== undefined && isHostPath(source);
  const made = record(node.mark, {
    type: isBind ? 'bind' : 'volume',
    source: source === undefined ? undefined : scalar(source, within(node.mark, source)),
    target: scalar(cleanPath(target), within(node.mark, target)),
  });
  const bind = map(node.mark);
  const volume = map(node.mark);
  const set = (node: MapNode, key: string, value: string | boolean) =>
    node.entries.set(key, { key: node.mark, value: scalar(value, node.mark) });
  if (isBind) set(bind, 'create_host_path', true);
  for (const option of (parts[2] ?? '').split(',').filter((option) => option !== '')) {
    if (option === 'ro') set(made, 'read_only', true);
    else if (option === 'nocopy') set(volume, 'nocopy', true);
    else if (option === 'z' || option === 'Z') set(bind, 'selinux', option);
    else if (PROPAGATIONS.includes(option)) set(bind, 'propagation', option);
    else if (option === IDMAP) {
      if (isBind) set(bind, `x-${IDMAP}`, true);
    } else if (option !== 'rw' && !CONSISTENCY.includes(option)) warnOption(option, node, context);
  }
  if (isBind || bind.entries.size > 0) made.entries.set('bind', { key: node.mark, value: bind });
  // A target of one letter or two has no room for options, and the reference ends there.
  const isShort = String(node.value).length <= 2;
  if (!(isBind || isShort) || volume.entries.size > 0) made.entries.set('volume', { key: node.mark, value: volume });
  return made;
}

function cleanPath(path: string): string {
  return /\/\/|\/\.|\/$|^\./.test(path) ? posix.normalize(path).replace(/(.)\/$/, '$1') : path;
}

function warnOption(option: string, node: ScalarNode, context: CanonicalContext): void {
  const close = nearestOf(option, OPTIONS);
  context.findings.warn(
    'bad-volume',
    `${context.owner}: unknown volume option "${option}" is ignored`,
    within(node.mark, option),
    {
      help: close === undefined ? `options are: ${OPTIONS.join(', ')}` : `did you mean "${close}"?`,
    },
  );
}

function cleanTarget(node: MapNode): MapNode {
  const target = node.entries.get('target');
  if (target?.value.kind === 'scalar' && typeof target.value.value === 'string' && target.value.value !== '') {
    target.value.value = cleanPath(target.value.value);
  }
  return node;
}
