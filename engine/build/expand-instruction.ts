/** An instruction with its variables put in: which parts of which instruction know variables, and how. */
import { type ExpandOptions, expandText, expandWord } from './expand.ts';
import type { InstructionBody } from './instruction.ts';

/** RUN, CMD, ENTRYPOINT, HEALTHCHECK, SHELL, ONBUILD and MAINTAINER stay as they are. Throws ExpansionFailure. */
export function expandInstruction<T extends InstructionBody>(
  body: T,
  values: ReadonlyMap<string, string>,
  character: string,
): T {
  const options: ExpandOptions = { escape: character };
  const one = (text: string): string => expandText(text, values, options);
  const all = (texts: readonly string[]) => texts.map(one);
  const flags = (written: Readonly<Record<string, string>>, names: readonly string[]) =>
    Object.fromEntries(Object.entries(written).map(([name, text]) => [name, names.includes(name) ? one(text) : text]));
  const expanded = (): InstructionBody => {
    switch (body.kind) {
      case 'FROM':
        return {
          ...body,
          image: one(body.image),
          ...(body.platform !== undefined && { platform: one(body.platform) }),
        };
      case 'ARG':
        return {
          ...body,
          args: body.args.map(({ name, value }) => ({
            name: one(name),
            ...(value !== undefined && { value: one(value) }),
          })),
        };
      case 'ENV':
      case 'LABEL':
        return { ...body, pairs: body.pairs.map(([name, value]) => [one(name), one(value)] as const) };
      case 'COPY':
      case 'ADD': {
        const documents = body.documents.map((document) =>
          // Quotes of a text are its own; an escape still takes the meaning of `$` away.
          document.expands
            ? { ...document, text: expandText(document.text, values, { ...options, quotesAreText: true }) }
            : document,
        );
        return {
          ...body,
          sources: all(body.sources),
          target: one(body.target),
          exclude: all(body.exclude),
          flags: flags(body.flags, ['chown', 'chmod', 'checksum']),
          documents,
        };
      }
      case 'RUN':
        return { ...body, flags: flags(body.flags, ['network', 'security']) };
      case 'EXPOSE':
        // Alone among all, a value with blanks is several words here.
        return { ...body, words: body.words.flatMap((word) => expandWord(word, values, options).words) };
      case 'VOLUME':
        return { ...body, words: all(body.words) };
      case 'USER':
      case 'WORKDIR':
      case 'STOPSIGNAL':
        // Nothing is a value, too: USER with an empty variable goes back to root, as in BuildKit.
        return { ...body, value: one(body.value) };
      default:
        return body;
    }
  };
  return expanded() as T;
}
