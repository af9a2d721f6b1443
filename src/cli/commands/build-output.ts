/** `--output` of `image build`: the store, an archive, or the files alone (docs.docker.com/build/exporters). */
import { resolve } from 'node:path';
import type { Built } from '../../model/build.ts';
import type { Engine } from '../../model/engine.ts';
import { usageError } from '../args.ts';
import type { Cli } from '../command.ts';
import { writeStream, writeToFile } from '../output-stream.ts';

const TYPES = ['docker', 'image', 'registry', 'oci', 'tar', 'local', 'cacheonly'] as const;

export interface BuildOutput {
  readonly type: (typeof TYPES)[number];
  /** Absolute, or `-`: standard output. */
  readonly dest?: string;
}

/** `type=TYPE,dest=PLACE`; `FOLDER` alone is `type=local`, and `-` alone `type=tar`. */
export function outputsOf(words: readonly string[], isTerminal: boolean): readonly BuildOutput[] {
  const outputs = words.map(outputOf);
  if (isTerminal && outputs.some(({ dest }) => dest === '-'))
    throw usageError('standard output is a terminal', 'write dest=FILE, or pass the archive through a pipe');
  if (outputs.filter(({ dest }) => dest === '-').length > 1)
    throw usageError('standard output can take one result', 'give the others a file: dest=FILE');
  return outputs;
}

function outputOf(word: string): BuildOutput {
  if (!word.includes('=')) return word === '-' ? { type: 'tar', dest: '-' } : { type: 'local', dest: resolve(word) };
  const fields = new Map(
    word.split(',').map((field) => [field.split('=', 1)[0]!, field.slice(field.indexOf('=') + 1)]),
  );
  const type = TYPES.find((one) => one === fields.get('type'));
  if (type === undefined)
    throw usageError(`--output "${word}" has no type that is known`, `write type= with one of ${TYPES.join(', ')}`);
  if (fields.get('tar') === 'false')
    throw usageError(`--output "${word}": an archive is one file here`, 'leave tar=false out, and unpack the archive');
  const dest = fields.get('dest');
  if (dest === undefined || dest === '') {
    if (type === 'local' || type === 'tar' || type === 'oci')
      throw usageError(`--output "${word}" says no place`, `write type=${type},dest=PLACE`);
    return type === 'image' && fields.get('push') === 'true' ? { type: 'registry' } : { type };
  }
  if (dest === '-' && type === 'local') throw usageError('a folder cannot be standard output', 'write type=tar,dest=-');
  return { type, dest: dest === '-' ? dest : resolve(dest) };
}

/** Of files alone no image is wanted; an archive has the names of an image, so that is in the store, too. */
export const isKept = (outputs: readonly BuildOutput[]): boolean =>
  outputs.length === 0 || outputs.some(({ type }) => !['tar', 'local', 'cacheonly'].includes(type));

/** An image that only came to be for its files goes again; the layers stay with the cache. */
export async function writeOutputs(
  cli: Cli,
  engine: Engine,
  { image: { id }, isNew }: Built,
  { tags, outputs }: { readonly tags: readonly string[]; readonly outputs: readonly BuildOutput[] },
): Promise<void> {
  try {
    for (const output of outputs) await writeOne(cli, engine, tags.length > 0 ? tags : [id], output);
  } finally {
    if (!isKept(outputs) && isNew) await engine.images.remove(id, { force: false });
  }
}

/** `refs`: of one image. */
async function writeOne(
  cli: Cli,
  { images }: Engine,
  refs: readonly string[],
  { type, dest }: BuildOutput,
): Promise<void> {
  if (dest === undefined) return;
  if (type === 'local') return void (await images.files(refs[0]!, dest));
  const stream = type === 'tar' ? await images.files(refs[0]!) : await images.save(refs);
  if (dest !== '-') return writeToFile(dest, stream!);
  await writeStream(cli.out, stream!);
}
