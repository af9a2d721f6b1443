/** EXPOSE: ports and ranges, as image configurations list them. */
import { InstructionMistake } from './instruction.ts';

/**
 * `80`, `80/udp`, `8000-8010`; a host's part before a colon is dropped, as Docker does.
 * Each port on its own: `80/tcp`. Throws InstructionMistake.
 */
export function exposedPorts(words: readonly string[]): readonly string[] {
  return words.flatMap((word) => {
    const [, first, last, protocol = 'tcp'] = /^(?:.*:)?(\d{1,5})(?:-(\d{1,5}))?(?:\/([a-z]+))?$/i.exec(word) ?? [];
    const [low, high] = [Number(first), Number(last ?? first)];
    if (first === undefined || low > 65_535 || high > 65_535 || high < low)
      throw new InstructionMistake(`${JSON.stringify(word)} is no port`, 'write 80, 80/udp or 8000-8010');
    if (!['tcp', 'udp', 'sctp'].includes(protocol.toLowerCase()))
      throw new InstructionMistake(`${JSON.stringify(word)} has an unknown protocol`, 'write tcp, udp or sctp');
    return Array.from({ length: high - low + 1 }, (_, i) => `${low + i}/${protocol.toLowerCase()}`);
  });
}
