/** Files in and out of a container, as tar streams. */
import type { Host } from '../host.ts';
import { notYet } from '../not-yet.ts';

export const copyFrom = async (
  _host: Host,
  _name: string,
  _path: string,
  _options: { readonly followLink: boolean },
): Promise<NodeJS.ReadableStream> => notYet('cp');

export const copyTo = async (
  _host: Host,
  _name: string,
  _path: string,
  _tar: NodeJS.ReadableStream,
  _options: { readonly keepIds: boolean },
): Promise<void> => notYet('cp');
