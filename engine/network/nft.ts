/** Requests to nf_tables as bytes (nfnetlink, linux/netfilter/nf_tables.h): tables, chains, sets, rules and what rules are made of. */
import { type Attribute, encode, text } from './netlink-wire.ts';

export const NETLINK_NETFILTER = 12;

const NFNL_SUBSYS_NFTABLES = 10;
const BATCH = { BEGIN: 0x10, END: 0x11 } as const;
const NFT_MSG = { NEWTABLE: 0, GETTABLE: 1, DELTABLE: 2, NEWCHAIN: 3, NEWRULE: 6, NEWSET: 9, NEWSETELEM: 12 } as const;
const NLM_F = { REQUEST: 1, ACK: 4, CREATE: 0x400, APPEND: 0x800 } as const;
export const FAMILY = { UNSPEC: 0, IPV4: 2, BRIDGE: 7 } as const;

const TABLE_NAME = 1;
const CHAIN = { TABLE: 1, NAME: 3, HOOK: 4, TYPE: 7 } as const;
const HOOK = { NUMBER: 1, PRIORITY: 2 } as const;
const RULE = { TABLE: 1, CHAIN: 2, EXPRESSIONS: 4 } as const;
const SET = { TABLE: 1, NAME: 2, KEY_TYPE: 4, KEY_LENGTH: 5, ID: 10 } as const;
const ELEMENTS = { TABLE: 1, SET: 2, LIST: 3 } as const;
const ELEMENT_KEY = 1;
const LIST_ELEMENT = 1;
const EXPRESSION = { NAME: 1, DATA: 2 } as const;
const PAYLOAD = { REGISTER: 1, BASE: 2, OFFSET: 3, LENGTH: 4 } as const;
const META = { REGISTER: 1, KEY: 2 } as const;
const COMPARE = { REGISTER: 1, OPERATION: 2, DATA: 3 } as const;
const BITWISE = { SOURCE: 1, TARGET: 2, LENGTH: 3, MASK: 4, XOR: 5 } as const;
const LOOKUP = { SET: 1, REGISTER: 2, FLAGS: 5 } as const;
const LOOKUP_INVERTED = 1;
const IMMEDIATE = { REGISTER: 1, DATA: 2 } as const;
const DATA = { VALUE: 1, VERDICT: 2 } as const;
const VERDICT_CODE = 1;
const VERDICT = { drop: 0, accept: 1 } as const;

/** Registers: of 16 bytes each, and the fifth of those of 4, which comes right behind the first. */
export const REGISTER = { verdict: 0, first: 1, second: 2, behindFirst: 12 } as const;
export const META_KEY = { protocol: 1, inputName: 6, l4Protocol: 16 } as const;
export const HEADER_OF = { link: 0, network: 1, transport: 2 } as const;

/** Numbers of nftables are in the byte order of the network. */
export const be32 = (value: number): Uint8Array => {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setInt32(0, value);
  return bytes;
};
export const be16 = (value: number): Uint8Array => Uint8Array.of(value >> 8, value & 0xff);

/** One request of a batch. */
export interface Request {
  readonly message: number;
  readonly family: number;
  readonly flags: number;
  readonly attributes: readonly Attribute[];
}
/** Its parts are expressions; each is a list of attributes. */
export type Expression = readonly Attribute[];

/** All of them in one transaction; the last one is answered. */
export const batch = (requests: readonly Request[]): Uint8Array =>
  new Uint8Array(
    Buffer.concat([
      edge(BATCH.BEGIN),
      ...requests.map((request, i) => bytesOf(request, i === requests.length - 1)),
      edge(BATCH.END),
    ]),
  );

/** struct nfgenmsg: family, version, resource. */
const header = (family: number, resource = 0): Uint8Array => Uint8Array.of(family, 0, ...be16(resource));

const bytesOf = ({ message, family, flags, attributes }: Request, isLast: boolean): Uint8Array =>
  encode({
    type: (NFNL_SUBSYS_NFTABLES << 8) | message,
    flags: NLM_F.REQUEST | flags | (isLast ? NLM_F.ACK : 0),
    fixed: header(family),
    attributes,
  });

const edge = (type: number): Uint8Array =>
  encode({ type, flags: NLM_F.REQUEST, fixed: header(FAMILY.UNSPEC, NFNL_SUBSYS_NFTABLES), attributes: [] });

/** Answered by ENOENT where there is none. Outside of a batch, as all that only asks. */
export const askForTable = (family: number, table: string): Uint8Array =>
  bytesOf(
    { message: NFT_MSG.GETTABLE, family, flags: 0, attributes: [{ type: TABLE_NAME, value: text(table) }] },
    true,
  );

/** Requests about one table. */
export const nftTable = (family: number, table: string) => {
  const request = (message: number, flags: number, attributes: readonly Attribute[]): Request => ({
    message,
    family,
    flags,
    attributes,
  });
  const name: Attribute = { type: TABLE_NAME, value: text(table) };
  const make = request(NFT_MSG.NEWTABLE, NLM_F.CREATE, [name]);
  // Made first, so that it can be deleted where there was none.
  const remove = [make, request(NFT_MSG.DELTABLE, 0, [name])];
  return {
    remove,
    /** It is there and empty. */
    makeAnew: [...remove, make],
    chain: (chain: string, at: { readonly type: string; readonly hook: number; readonly priority: number }): Request =>
      request(NFT_MSG.NEWCHAIN, NLM_F.CREATE, [
        { type: CHAIN.TABLE, value: text(table) },
        { type: CHAIN.NAME, value: text(chain) },
        {
          type: CHAIN.HOOK,
          value: [
            { type: HOOK.NUMBER, value: be32(at.hook) },
            { type: HOOK.PRIORITY, value: be32(at.priority) },
          ],
        },
        { type: CHAIN.TYPE, value: text(at.type) },
      ]),
    rule: (chain: string, expressions: readonly Expression[]): Request =>
      request(NFT_MSG.NEWRULE, NLM_F.CREATE | NLM_F.APPEND, [
        { type: RULE.TABLE, value: text(table) },
        { type: RULE.CHAIN, value: text(chain) },
        { type: RULE.EXPRESSIONS, value: expressions.map((value) => ({ type: LIST_ELEMENT, value })) },
      ]),
    /** `keyType`: as nft(8) numbers what it prints. `id`: one of its own among those of the batch. */
    set: (set: string, { id, keyType, keyLength }: { id: number; keyType: number; keyLength: number }): Request =>
      request(NFT_MSG.NEWSET, NLM_F.CREATE, [
        { type: SET.TABLE, value: text(table) },
        { type: SET.NAME, value: text(set) },
        { type: SET.KEY_TYPE, value: be32(keyType) },
        { type: SET.KEY_LENGTH, value: be32(keyLength) },
        { type: SET.ID, value: be32(id) },
      ]),
    /** An attribute holds 64 KiB: at most a thousand keys in one request. */
    elements: (set: string, keys: readonly Uint8Array[]): Request =>
      request(NFT_MSG.NEWSETELEM, NLM_F.CREATE, [
        { type: ELEMENTS.TABLE, value: text(table) },
        { type: ELEMENTS.SET, value: text(set) },
        {
          type: ELEMENTS.LIST,
          value: keys.map((value) => ({
            type: LIST_ELEMENT,
            value: [{ type: ELEMENT_KEY, value: [{ type: DATA.VALUE, value }] }],
          })),
        },
      ]),
  };
};

export const expression = (name: string, data: readonly Attribute[]): Expression => [
  { type: EXPRESSION.NAME, value: text(name) },
  { type: EXPRESSION.DATA, value: data },
];

export const load = (base: number, offset: number, length: number, register: number = REGISTER.first): Expression =>
  expression('payload', [
    { type: PAYLOAD.REGISTER, value: be32(register) },
    { type: PAYLOAD.BASE, value: be32(base) },
    { type: PAYLOAD.OFFSET, value: be32(offset) },
    { type: PAYLOAD.LENGTH, value: be32(length) },
  ]);

export const meta = (key: number): Expression =>
  expression('meta', [
    { type: META.REGISTER, value: be32(REGISTER.first) },
    { type: META.KEY, value: be32(key) },
  ]);

export const equals = (value: Uint8Array): Expression =>
  expression('cmp', [
    { type: COMPARE.REGISTER, value: be32(REGISTER.first) },
    { type: COMPARE.OPERATION, value: be32(0) },
    { type: COMPARE.DATA, value: [{ type: DATA.VALUE, value }] },
  ]);

export const masked = (mask: Uint8Array): Expression =>
  expression('bitwise', [
    { type: BITWISE.SOURCE, value: be32(REGISTER.first) },
    { type: BITWISE.TARGET, value: be32(REGISTER.first) },
    { type: BITWISE.LENGTH, value: be32(mask.length) },
    { type: BITWISE.MASK, value: [{ type: DATA.VALUE, value: mask }] },
    { type: BITWISE.XOR, value: [{ type: DATA.VALUE, value: new Uint8Array(mask.length) }] },
  ]);

/** What the first register and those behind it hold is, or is not, in the set. */
export const isIn = (set: string, { inverted = false } = {}): Expression =>
  expression('lookup', [
    { type: LOOKUP.SET, value: text(set) },
    { type: LOOKUP.REGISTER, value: be32(REGISTER.first) },
    ...(inverted ? [{ type: LOOKUP.FLAGS, value: be32(LOOKUP_INVERTED) }] : []),
  ]);

export const immediate = (register: number, value: Uint8Array): Expression =>
  expression('immediate', [
    { type: IMMEDIATE.REGISTER, value: be32(register) },
    { type: IMMEDIATE.DATA, value: [{ type: DATA.VALUE, value }] },
  ]);

export const verdict = (word: keyof typeof VERDICT): Expression =>
  expression('immediate', [
    { type: IMMEDIATE.REGISTER, value: be32(REGISTER.verdict) },
    {
      type: IMMEDIATE.DATA,
      value: [{ type: DATA.VERDICT, value: [{ type: VERDICT_CODE, value: be32(VERDICT[word]) }] }],
    },
  ]);
