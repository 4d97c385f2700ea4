import type { Certificate } from '../pkix/index.ts';
import type { EntryFindings } from './crl-entries.ts';
import { Element } from './encoding/element.ts';
import type { EncodedExtension } from './encoding/extension.ts';
import { innerElement, readExtensions } from './encoding/extension.ts';
import type { Lint } from './lint.ts';
import { readOrDefect } from './read-or-defect.ts';

/** Under whose name the CRL is made, where it will stand, and what stood there before. */
export interface CrlLintContext {
  readonly issuer: Certificate;
  /** URL that the issuer's certificates carry in cRLDistributionPoints. */
  readonly distributionPoint: string;
  /** The CRL of the same scope that was issued last. */
  readonly previous?: { readonly crlNumber: bigint; readonly thisUpdate: Date } | undefined;
  readonly now: Date;
  /** Of a delta CRL: the number of the published complete CRL that it starts from (RFC 5280 §5.2.4). */
  readonly baseCrlNumber?: bigint | undefined;
  /** Of a complete CRL with deltas: where they are (RFC 5280 §5.2.6). */
  readonly freshestCrl?: string | undefined;
  /** Which certificates it is about; default all (RFC 5280 §5.2.5). */
  readonly scope?: 'all' | 'endEntity' | 'ca' | undefined;
  /** Since when entries of expired certificates are kept, where they are (X.509 expiredCertsOnCRL). */
  readonly expiredCertsOnCrl?: Date | undefined;
}

/** A header whose content is not held: that of the whole, and that of the list of entries. */
export interface OpenHeader {
  /** Octets of identifier and length. */
  readonly octets: number;
  /** Octets of the content, as the header says. */
  readonly length: number;
}

/** A TBSCertList as it was read in passing: its fields without the entries, and what the entries are like. */
export interface CrlOutline {
  /** The fields before and behind the entries, in a SEQUENCE. */
  readonly der: Uint8Array;
  readonly whole: OpenHeader;
  /** revokedCertificates, when it stands there. */
  readonly list: OpenHeader | undefined;
  readonly entries: EntryFindings;
  /** What is wrong with the shape of the whole, when it could be seen in passing. */
  readonly defect: string | undefined;
}

interface Fields {
  readonly whole: Element;
  readonly version: Element | undefined;
  readonly signature: Element;
  readonly issuer: Element;
  readonly thisUpdate: Element;
  readonly nextUpdate: Element | undefined;
  readonly extensionList: Element | undefined;
  readonly extensions: readonly EncodedExtension[] | undefined;
}

/** A TBSCertList cut into its fields; of the entries there are only the findings. */
export class CrlSubject {
  readonly outline: CrlOutline;
  readonly context: CrlLintContext;
  readonly defect: string | undefined;
  readonly #fields: Fields | undefined;

  constructor(outline: CrlOutline, context: CrlLintContext) {
    this.outline = outline;
    this.context = context;
    const { fields, defect } = readOrDefect(() => outline.defect ?? readFields(outline.der));
    this.defect = defect;
    this.#fields = fields;
  }

  /** Only after the structure lint has passed. */
  get fields(): Fields {
    if (this.#fields === undefined) throw new Error(`unreadable TBSCertList`);
    return this.#fields;
  }

  get extensions(): readonly EncodedExtension[] {
    return this.fields.extensions ?? [];
  }

  has(type: string): boolean {
    return this.extensions.some((extension) => extension.oid === type);
  }

  extension(type: string): EncodedExtension | undefined {
    return this.extensions.find((extension) => extension.oid === type);
  }

  /** The DER inside an extension; undefined when the extension is absent. @throws UnreadableError */
  value(type: string): Element | undefined {
    const found = this.extension(type);
    return found === undefined ? undefined : innerElement(found);
  }

  /** What the one pass over the entries found; empty when there are none. */
  get entries(): EntryFindings {
    return this.outline.entries;
  }

  get hasEntries(): boolean {
    return (this.outline.list?.length ?? 0) > 0;
  }
}

export type CrlLint = Lint<CrlSubject>;

const time = new Set([0x17, 0x18]);

/** Cuts a TBSCertList (RFC 5280 §5.1) without its entries into its fields, or says which is missing or misplaced. */
function readFields(der: Uint8Array): Fields | string {
  const whole = Element.parse(der);
  if (whole.tag !== 0x30) return 'a TBSCertList is a SEQUENCE';
  const rest = [...whole.children];
  const optional = (...wanted: readonly number[]): Element | undefined =>
    rest[0] !== undefined && wanted.includes(rest[0].tag) ? rest.shift() : undefined;
  const version = optional(0x02);
  const signature = optional(0x30);
  const issuer = optional(0x30);
  const thisUpdate = optional(...time);
  const nextUpdate = optional(...time);
  const wrapper = optional(0xa0);
  if (signature?.child(0)?.tag !== 0x06) return 'no signature AlgorithmIdentifier where it belongs';
  if (issuer === undefined) return 'the issuer is missing';
  if (thisUpdate === undefined) return 'thisUpdate is missing';
  const extra = rest[0];
  if (extra !== undefined)
    return `an element with tag 0x${extra.tag.toString(16)} has no place at octet ${extra.start}`;
  const extensionList = wrapper?.child(0);
  if (wrapper !== undefined && (wrapper.children.length !== 1 || extensionList?.tag !== 0x30)) {
    return 'crlExtensions are no SEQUENCE in [0]';
  }
  const extensions = extensionList === undefined ? undefined : readExtensions(extensionList);
  if (extensionList !== undefined && extensions === undefined) {
    return 'an extension is no SEQUENCE of type, critical and value';
  }
  return {
    whole,
    version,
    signature,
    issuer,
    thisUpdate,
    nextUpdate,
    extensionList,
    extensions,
  };
}
