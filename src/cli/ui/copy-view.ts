/** How a copy of a volume is shown: its size before it begins, then how far it is. */
import type { VolumeCopyFacts } from '../../model/volume-facts.ts';
import { sizeWords } from '../../operations/words.ts';
import type { Cli } from '../command.ts';

export interface CopyView {
  readonly onBegin: (facts: VolumeCopyFacts) => void;
  readonly onProgress: (bytes: number) => void;
  readonly end: () => void;
}

/** Without a terminal a line for each tenth. */
export function copyView(cli: Cli, volume: string): CopyView {
  const style = cli.terminal.progress;
  let total = 0;
  let tenths = 0;
  let isOpen = false;
  const line = (text: string, more: object) => {
    if (style === 'quiet') return;
    cli.out.note(style === 'json' ? `${JSON.stringify({ id: `Volume ${volume}`, text, ...more })}\n` : `${text}\n`);
  };
  return {
    onBegin: ({ bytes, files, sharesBlocks, running }) => {
      total = bytes;
      const how = sharesBlocks ? 'shares its blocks' : 'is copied';
      line(`volume ${volume}: ${sizeWords(bytes)} in ${files} files ${how}`, { status: 'Copying', total });
      if (running.length > 0)
        line(
          `warning: ${running.join(', ')} may write to it meanwhile: the copy is as after a power cut (--pause freezes them)`,
          { status: 'Warning' },
        );
    },
    onProgress: (bytes) => {
      if (total === 0 || bytes > total) return;
      const text = `${sizeWords(bytes)} of ${sizeWords(total)}`;
      if (style === 'tty') {
        cli.out.note(`\r\x1b[K${text}`);
        isOpen = true;
      } else if (Math.floor((bytes * 10) / total) > tenths) {
        tenths = Math.floor((bytes * 10) / total);
        line(text, { status: 'Copying', current: bytes, total });
      }
    },
    end: () => {
      if (isOpen) cli.out.note('\r\x1b[K');
    },
  };
}
