/** What an image archive holds, wherever it comes from: small documents by name, and layers, unpacked and verified. */

export interface ArchivedLayer {
  readonly diffId: string;
  /** Of the bytes as archived. */
  readonly digest: string;
}

export interface Archive {
  /** A document; undefined: there is none of that name. */
  document(name: string): Promise<Buffer | undefined>;
  /** A layer, in the store when this resolves; undefined: there is none of that name. `diffId`: what it has to be. */
  layer(name: string, diffId: string): Promise<ArchivedLayer | undefined>;
  close?(): Promise<void>;
}

/** No document of an image is larger: what is must not fill the memory. */
export const DOCUMENT_BYTES_MAX = 16 << 20;

/** `./a//b` and `/a/b` name the same member. */
export const memberName = (name: string): string =>
  name
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/');

/** The digest that the name of a blob promises. */
export const promisedDigest = (name: string): string | undefined => {
  const hex = /^(?:blobs\/sha256\/)?([0-9a-f]{64})$/.exec(name)?.[1];
  return hex === undefined ? undefined : `sha256:${hex}`;
};
