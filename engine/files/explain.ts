/** Why files could not be written, in words. */
import { TcomposeError } from '../../src/model/errors.ts';
import { UnpackFailure } from '../launcher/unpack.ts';

const WHY: Readonly<Record<string, string>> = {
  EROFS: 'it is mounted read-only',
  ENOSPC: 'no space left there',
  EDQUOT: 'the quota there is used up',
  ETXTBSY: 'the program runs right now',
};

const CODES: Readonly<Record<string, string>> = { EROFS: 'read-only', ENOSPC: 'disk-full', EDQUOT: 'disk-full' };

export function explainWrite(error: unknown, where: string): unknown {
  if (!(error instanceof UnpackFailure)) return error;
  const { step, errno, path } = error;
  const shown = JSON.stringify(`/${path}`);
  const message =
    step === 'over-folder'
      ? `cannot overwrite directory ${shown} with non-directory`
      : step === 'over-file'
        ? `cannot overwrite non-directory ${shown} with directory`
        : `cannot write ${shown} of ${where}: ${WHY[errno] ?? `${step} failed with ${errno}`}`;
  return new TcomposeError(message, { code: CODES[errno] ?? 'bad-copy', cause: error });
}
