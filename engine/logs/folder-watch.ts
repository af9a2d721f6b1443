/** Waits for changes of a log's folder. */
import { type FSWatcher, watch } from 'node:fs';
import { access } from 'node:fs/promises';
import { dirname } from 'node:path';

export interface FolderWatch {
  /** Resolves when something changed since the last call; false when the folder is gone, or there will be no change that counts. */
  next(): Promise<boolean>;
  wake(): void;
  close(): void;
}

/** `onNew`: called when a file came or went, however long ago `next` was asked. `isOver`: nothing more is waited for. */
export function watchFolder(path: string, onNew: () => void, isOver: () => boolean): FolderWatch {
  const folder = dirname(path);
  let dirty = true;
  let ended = false;
  let wake: () => void = () => undefined;
  const notice = (event: string) => {
    dirty = true;
    if (event === 'rename') onNew();
    wake();
  };
  const end = () => {
    ended = true;
    wake();
  };
  const watchers: FSWatcher[] = [];
  try {
    // Of its own end a folder tells only when nobody holds a file of it any more, and we do; the folder above tells at once.
    for (const watched of [folder, dirname(folder)]) watchers.push(watch(watched, notice).on('error', end));
  } catch {
    ended = true;
  }
  return {
    async next() {
      while (!dirty && !ended && !isOver()) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      dirty = false;
      if (isOver()) return false;
      if (!ended)
        ended = await access(folder).then(
          () => false,
          () => true,
        );
      return !ended;
    },
    wake: () => wake(),
    close() {
      for (const watcher of watchers) watcher.close();
    },
  };
}
