/** A writable layer's folder as the tar of an image layer. The same folder gives the same bytes: its digest is the layer's diff id. */
import type { Host } from '../host.ts';
import { NOTHING } from '../launcher/unpack.ts';
import { packTree } from './file-program.ts';
import { hostReach } from './host-side.ts';
import type { PackedFile, RecordStream } from './record-stream.ts';
import { writeTar } from './tar-writer.ts';

/** `onFile` hears of each member, in order. */
export async function* layerTar(
  host: Host,
  folder: string,
  onFile: (file: PackedFile) => void = () => undefined,
): AsyncGenerator<Buffer> {
  const files = await packTree(host, hostReach(folder), '/');
  yield* writeTar(asLayer(files, onFile), { sparse: true });
}

const OPAQUE = 'trusted.overlay.opaque';
const OVERLAYS = /^(?:trusted|user)\.overlay\./;
const isWhiteout = ({ kind, major, minor }: PackedFile): boolean => kind === 'c' && major === 0 && minor === 0;

/** Overlay's marks in the form of an image layer (OCI image-spec, layer.md): `.wh.NAME` for what is gone, `.wh..wh..opq` in what hides. */
async function* asLayer(files: RecordStream, onFile: (file: PackedFile) => void): AsyncGenerator<PackedFile> {
  for await (const file of files) {
    if (file.path === '') continue;
    onFile(file);
    const slash = file.path.lastIndexOf('/') + 1;
    if (isWhiteout(file)) {
      yield mark(file, `${file.path.slice(0, slash)}.wh.${file.path.slice(slash)}`);
      continue;
    }
    yield {
      ...file,
      mtime: whole(file),
      xattrs: file.xattrs.length === 0 ? file.xattrs : file.xattrs.filter(([name]) => !OVERLAYS.test(name)),
    };
    if (file.kind === 'd' && file.xattrs.some(([name, value]) => name === OPAQUE && value.toString() === 'y'))
      yield mark(file, `${file.path}/.wh..wh..opq`);
  }
}

/** Whole seconds, as Docker's layers have them: a fraction would cost each file a header of its own. */
const whole = ({ mtime }: PackedFile): PackedFile['mtime'] => ({ seconds: mtime.seconds, nanoseconds: 0 });

const mark = (file: PackedFile, path: string): PackedFile => ({
  ...NOTHING,
  mtime: whole(file),
  kind: 'f',
  path,
  // Nothing follows.
  async *data() {},
});
