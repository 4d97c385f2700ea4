import type { Certificate } from '../pkix/index.ts';
import type { EntryFindings } from './crl-entries.ts';
import { walkEntries } from './crl-entries.ts';
import { Element } from './encoding/element.ts';
import type { EncodedExtension } from './encoding/extension.ts';
import { innerElement, readExtensions } from './encoding/extension.ts';
import { timeOf } from './encoding/time.ts';
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

interface Fields {
  readonly whole: Element;
  readonly version: Element | undefined;
  readonly signature: Element;
  readonly issuer: Element;
  readonly thisUpdate: Element;
  readonly nextUpdate: Element | undefined;
  readonly revokedCertificates: Element | undefined;
  readonly extensionList: Element | undefined;
  readonly extensions: readonly EncodedExtension[] | undefined;
}

/** The bytes of a TBSCertList, cut into its fields; the entries are walked once, on first need. */
export class CrlSubject {
  readonly der: Uint8Array;
  readonly context: CrlLintContext;
  readonly defect: string | undefined;
  readonly #fields: Fields | undefined;
  #findings: EntryFindings | undefined;

  constructor(der: Uint8Array, context: CrlLintContext) {
    this.der = der;
    this.context = context;
    const { fields, defect } = readOrDefect(() => readFields(der));
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
    const { revokedCertificates, thisUpdate } = this.fields;
    this.#findings ??=
      revokedCertificates === undefined ? {} : walkEntries(revokedCertificates, timeOf(thisUpdate));
    return this.#findings;
  }

  get hasEntries(): boolean {
    return (this.fields.revokedCertificates?.length ?? 0) > 0;
  }
}

export type CrlLint = Lint<CrlSubject>;

const time = new Set([0x17, 0x18]);

/** Cuts a TBSCertList (RFC 5280 §5.1) into its fields, or says which is missing or misplaced. */
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
  const revokedCertificates = optional(0x30);
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
    revokedCertificates,
    extensionList,
    extensions,
  };
}
