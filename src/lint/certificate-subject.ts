import type { Certificate } from '../pkix/index.ts';
import { Element } from './encoding/element.ts';
import type { EncodedExtension } from './encoding/extension.ts';
import {
  innerElement,
  keyUsageBits,
  readBasicConstraints,
  readExtensions,
} from './encoding/extension.ts';
import type { EncodedAttribute } from './encoding/name.ts';
import { readAttributes } from './encoding/name.ts';
import { oid } from './encoding/oids.ts';
import type { Lint } from './lint.ts';
import { readOrDefect } from './read-or-defect.ts';

/** What a certificate is meant to be, and what it is issued under. */
export interface CertificateLintContext {
  /** `root` is self-signed; `ca` any other CA certificate. */
  readonly type: 'endEntity' | 'ca' | 'ocspSigning' | 'root';
  /** Undefined only for a self-signed certificate. */
  readonly issuer?: Certificate | undefined;
  readonly profile: {
    readonly name: string;
    /** Longest validity in seconds, both ends included (RFC 5280 §4.1.2.5). */
    readonly maxValiditySeconds?: number | undefined;
    /** The profile gives no revocation information (RFC 9608). */
    readonly shortLived?: boolean | undefined;
  };
  /** What certificates of this issuer point to; compared byte for byte where present. */
  readonly urls?:
    | {
        readonly crl?: string | undefined;
        readonly ocsp?: string | undefined;
        readonly caIssuers?: string | undefined;
      }
    | undefined;
}

/** The bytes of a TBSCertificate, cut into its fields but not interpreted. */
export class CertificateSubject {
  readonly der: Uint8Array;
  readonly context: CertificateLintContext;
  /** First thing that keeps the bytes from being read as a TBSCertificate. */
  readonly defect: string | undefined;
  readonly #fields: Fields | undefined;
  readonly #extensions: ReadonlyMap<string, EncodedExtension>;
  readonly #values = new Map<string, Element>();
  #subjectAttributes: readonly EncodedAttribute[] | undefined;

  constructor(der: Uint8Array, context: CertificateLintContext) {
    this.der = der;
    this.context = context;
    const { fields, defect } = readOrDefect(() => readFields(der));
    this.defect = defect;
    this.#fields = fields;
    // The first of several extensions of one type counts; that there are several is a lint's finding.
    const extensions = new Map<string, EncodedExtension>();
    for (const extension of this.#fields?.extensions ?? []) {
      if (!extensions.has(extension.oid)) extensions.set(extension.oid, extension);
    }
    this.#extensions = extensions;
  }

  /** Only after the structure lint has passed. */
  get fields(): Fields {
    if (this.#fields === undefined) throw new Error(`unreadable TBSCertificate`);
    return this.#fields;
  }

  get isCa(): boolean {
    return this.context.type === 'ca' || this.context.type === 'root';
  }

  get issuer(): Certificate | undefined {
    return this.context.issuer;
  }

  get extensions(): readonly EncodedExtension[] {
    return this.fields.extensions ?? [];
  }

  extension(type: string): EncodedExtension | undefined {
    return this.#extensions.get(type);
  }

  has(type: string): boolean {
    return this.#extensions.has(type);
  }

  /** The DER inside an extension; undefined when the extension is absent. @throws UnreadableError */
  value(type: string): Element | undefined {
    const known = this.#values.get(type);
    if (known !== undefined) return known;
    const extension = this.#extensions.get(type);
    if (extension === undefined) return undefined;
    const element = innerElement(extension);
    this.#values.set(type, element);
    return element;
  }

  /** KeyUsage bits; empty when the extension is absent. */
  get keyUsage(): ReadonlySet<number> {
    const value = this.value(oid.keyUsage);
    return value === undefined ? new Set() : keyUsageBits(value);
  }

  /** KeyPurposeIds; empty when the extension is absent. */
  get extendedKeyUsage(): readonly string[] {
    return this.value(oid.extKeyUsage)?.children.map((purpose) => purpose.oid) ?? [];
  }

  /** cA and pathLenConstraint; cA is false when the extension is absent. */
  get basicConstraints(): { readonly cA: boolean; readonly pathLength: Element | undefined } {
    const value = this.value(oid.basicConstraints);
    return value === undefined ? { cA: false, pathLength: undefined } : readBasicConstraints(value);
  }

  get subjectEmpty(): boolean {
    return this.fields.subject.length === 0;
  }

  /** GeneralNames of subjectAltName; empty when the extension is absent. */
  get alternativeNames(): readonly Element[] {
    return this.value(oid.subjectAltName)?.children ?? [];
  }

  /** Attributes of the subject and of every directoryName in subjectAltName. */
  get subjectAttributes(): readonly EncodedAttribute[] {
    this.#subjectAttributes ??= [
      ...readAttributes(this.fields.subject),
      ...this.alternativeNames
        .filter((name) => name.tag === 0xa4)
        .flatMap((name) => name.children.flatMap((inner) => readAttributes(inner))),
    ];
    return this.#subjectAttributes;
  }
}

interface Fields {
  readonly whole: Element;
  /** `[0] EXPLICIT` wrapper. */
  readonly version: Element | undefined;
  readonly serialNumber: Element;
  readonly signature: Element;
  readonly issuer: Element;
  readonly notBefore: Element;
  readonly notAfter: Element;
  readonly subject: Element;
  readonly subjectPublicKeyInfo: Element;
  readonly issuerUniqueID: Element | undefined;
  readonly subjectUniqueID: Element | undefined;
  /** The SEQUENCE inside `[3] EXPLICIT`. */
  readonly extensionList: Element | undefined;
  readonly extensions: readonly EncodedExtension[] | undefined;
}

const time = new Set([0x17, 0x18]);

/** Cuts a TBSCertificate (RFC 5280 §4.1) into its fields, or says which is missing or misplaced. */
function readFields(der: Uint8Array): Fields | string {
  const whole = Element.parse(der);
  if (whole.tag !== 0x30) return 'a TBSCertificate is a SEQUENCE';
  const rest = [...whole.children];
  const optional = (tag: number): Element | undefined =>
    rest[0]?.tag === tag ? rest.shift() : undefined;
  const version = optional(0xa0);
  const serialNumber = optional(0x02);
  if (serialNumber === undefined) return 'no serialNumber INTEGER where it belongs';
  const signature = optional(0x30);
  if (signature?.child(0)?.tag !== 0x06) return 'no signature AlgorithmIdentifier where it belongs';
  const issuer = optional(0x30);
  const validity = optional(0x30);
  const subject = optional(0x30);
  const subjectPublicKeyInfo = optional(0x30);
  if (issuer === undefined || subject === undefined) return 'issuer or subject is missing';
  if (!isName(issuer) || !isName(subject)) return 'issuer or subject is no RDNSequence';
  const [notBefore, notAfter, more] = validity?.children ?? [];
  if (notBefore === undefined || notAfter === undefined || more !== undefined)
    return 'validity is not two times';
  if (!time.has(notBefore.tag) || !time.has(notAfter.tag)) return 'validity is not two times';
  const [algorithm, key, extra] = subjectPublicKeyInfo?.children ?? [];
  if (
    subjectPublicKeyInfo === undefined ||
    algorithm?.tag !== 0x30 ||
    key?.tag !== 0x03 ||
    extra !== undefined
  ) {
    return 'subjectPublicKeyInfo is no SEQUENCE of AlgorithmIdentifier and BIT STRING';
  }
  if (algorithm.child(0)?.tag !== 0x06) return 'subjectPublicKeyInfo names no algorithm';
  const issuerUniqueID = optional(0x81);
  const subjectUniqueID = optional(0x82);
  const wrapper = optional(0xa3);
  const extra3 = rest[0];
  if (extra3 !== undefined)
    return `an element with tag 0x${extra3.tag.toString(16)} has no place at octet ${extra3.start}`;
  const extensionList = wrapper?.child(0);
  if (wrapper !== undefined && (wrapper.children.length !== 1 || extensionList?.tag !== 0x30)) {
    return 'extensions are no SEQUENCE in [3]';
  }
  const extensions = extensionList === undefined ? undefined : readExtensions(extensionList);
  if (extensionList !== undefined && extensions === undefined)
    return 'an extension is no SEQUENCE of type, critical and value';
  return {
    whole,
    version,
    serialNumber,
    signature,
    issuer,
    notBefore,
    notAfter,
    subject,
    subjectPublicKeyInfo,
    issuerUniqueID,
    subjectUniqueID,
    extensionList,
    extensions,
  };
}

/** SEQUENCE OF SET OF SEQUENCE { OID, value }. */
function isName(name: Element): boolean {
  return name.children.every(
    (rdn) =>
      rdn.tag === 0x31 &&
      rdn.children.every(
        (attribute) =>
          attribute.tag === 0x30 &&
          attribute.children.length === 2 &&
          attribute.child(0)?.tag === 0x06,
      ),
  );
}

export type CertificateLint = Lint<CertificateSubject>;
