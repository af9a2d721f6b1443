/** The bytes of a netlink message: header, fixed part, attributes (netlink(7), rtnetlink(7)). In the byte order of this machine. */

export interface Attribute {
  readonly type: number;
  readonly value: Uint8Array | readonly Attribute[];
}

export interface Message {
  readonly type: number;
  readonly flags: number;
  readonly fixed: Uint8Array;
  readonly attributes: readonly Attribute[];
}

const HEADER = 16;
const littleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
const aligned = (length: number): number => (length + 3) & ~3;

/** Sequence and port are 0: the sender has one request under way at a time, and the kernel fills in the port. */
export function encode({ type, flags, fixed, attributes }: Message): Uint8Array {
  const start = HEADER + aligned(fixed.length);
  const message = new Uint8Array(start + sizeOf(attributes));
  const view = new DataView(message.buffer);
  view.setUint32(0, message.length, littleEndian);
  view.setUint16(4, type, littleEndian);
  view.setUint16(6, flags, littleEndian);
  message.set(fixed, HEADER);
  put(view, start, attributes);
  return message;
}

const sizeOf = (attributes: readonly Attribute[]): number =>
  attributes.reduce((sum, { value }) => sum + aligned(4 + lengthOf(value)), 0);
const lengthOf = (value: Attribute['value']): number => (value instanceof Uint8Array ? value.length : sizeOf(value));

function put(view: DataView, start: number, attributes: readonly Attribute[]): void {
  let at = start;
  for (const { type, value } of attributes) {
    const length = 4 + lengthOf(value);
    view.setUint16(at, length, littleEndian);
    view.setUint16(at + 2, type, littleEndian);
    if (value instanceof Uint8Array) new Uint8Array(view.buffer).set(value, at + 4);
    else put(view, at + 4, value);
    at += aligned(length);
  }
}

/** `fixedLength`: of the structure that the type of message starts with, which the bytes do not tell. */
export function decode(message: Uint8Array, fixedLength: number): Message {
  const view = viewOf(message);
  const start = HEADER + aligned(fixedLength);
  return {
    type: view.getUint16(4, littleEndian),
    flags: view.getUint16(6, littleEndian),
    fixed: message.slice(HEADER, HEADER + fixedLength),
    attributes: decodeAttributes(message.subarray(start, view.getUint32(0, littleEndian))),
  };
}

/** One level: which values hold attributes of their own only the reader knows. */
export function decodeAttributes(bytes: Uint8Array): { type: number; value: Uint8Array }[] {
  const found: { type: number; value: Uint8Array }[] = [];
  const view = viewOf(bytes);
  for (let at = 0; at + 4 <= bytes.length; ) {
    const length = view.getUint16(at, littleEndian);
    found.push({ type: view.getUint16(at + 2, littleEndian), value: bytes.slice(at + 4, at + length) });
    at += aligned(Math.max(length, 4));
  }
  return found;
}

/** A structure of numbers, laid out by their sizes in bytes; C's own padding is spelt as further numbers. */
export function struct(...fields: readonly (readonly [size: 1 | 2 | 4, value: number])[]): Uint8Array {
  const bytes = new Uint8Array(fields.reduce((sum, [size]) => sum + size, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const [size, value] of fields) {
    if (size === 1) view.setUint8(at, value);
    else if (size === 2) view.setUint16(at, value, littleEndian);
    else view.setUint32(at, value >>> 0, littleEndian);
    at += size;
  }
  return bytes;
}

export const u8 = (value: number): Uint8Array => struct([1, value]);
export const u16 = (value: number): Uint8Array => struct([2, value]);
export const u32 = (value: number): Uint8Array => struct([4, value]);
/** With the terminating zero that the kernel wants of names. */
export const text = (value: string): Uint8Array => Buffer.from(`${value}\0`);

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
