/** The writable layer of a container as an image. */
import type { CommitOptions, ImageInfo } from '../../src/model/engine.ts';
import type { Host } from '../host.ts';
import { notYet } from '../not-yet.ts';

export const commitContainer = async (_host: Host, _name: string, _options: CommitOptions): Promise<ImageInfo> =>
  notYet('commit');
