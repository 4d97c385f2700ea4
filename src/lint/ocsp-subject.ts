import { hash } from 'node:crypto';
import type { CertID, Certificate } from '../pkix/index.ts';
import { Element } from './encoding/element.ts';
import type { EncodedExtension } from './encoding/extension.ts';
import { readExtensions } from './encoding/extension.ts';
import { oid } from './encoding/oids.ts';
import type { Lint } from './lint.ts';
import { readOrDefect } from './read-or-defect.ts';

/** Who answers, for whom, and what was asked. */
export interface OcspLintContext {
  /** The CA whose certificates are asked about. */
  readonly issuer: Certificate;
  /** The responder's certificate, which that CA issued. */
  readonly delegate: Certificate;
  readonly now: Date;
  /** Content of the request's nonce; undefined when none was sent, or the answer is made in advance. */
  readonly nonce?: Uint8Array | undefined;
  /** The CertIDs asked, in order; undefined when the answer is made in advance. */
  readonly requested?: readonly CertID[] | undefined;
  /** thisUpdate is that of a foreign CA's CRL, which may be older than the responder's certificate. */
  readonly timesOfCrl?: boolean | undefined;
}

/** One SingleResponse, cut into its fields. */
export interface EncodedSingleResponse {
  readonly certID: Element;
  readonly hashAlgorithm: string;
  readonly issuerNameHash: Element;
  readonly issuerKeyHash: Element;
  readonly serialNumber: Element;
  readonly status: 'good' | 'revoked' | 'unknown';
  readonly revocationTime: Element | undefined;
  /** The ENUMERATED inside `[0]`. */
  readonly reasonCode: Element | undefined;
  readonly thisUpdate: Element;
  readonly nextUpdate: Element | undefined;
  readonly extensionList: Element | undefined;
  readonly extensions: readonly EncodedExtension[];
}

interface Fields {
  readonly whole: Element;
  readonly version: Element | undefined;
  /** `[1]` byName or `[2]` byKey. */
  readonly responderID: Element;
  readonly producedAt: Element;
  readonly responses: readonly EncodedSingleResponse[];
  readonly extensionList: Element | undefined;
  readonly extensions: readonly EncodedExtension[];
}

/** The bytes of a ResponseData, cut into its fields. */
export class OcspSubject {
  readonly der: Uint8Array;
  readonly context: OcspLintContext;
  readonly defect: string | undefined;
  readonly #fields: Fields | undefined;

  constructor(der: Uint8Array, context: OcspLintContext) {
    this.der = der;
    this.context = context;
    const { fields, defect } = readOrDefect(() => readFields(der));
    this.defect = defect;
    this.#fields = fields;
  }

  /** Only after the structure lint has passed. */
  get fields(): Fields {
    if (this.#fields === undefined) throw new Error(`unreadable ResponseData`);
    return this.#fields;
  }

  extension(type: string): EncodedExtension | undefined {
    return this.fields.extensions.find((extension) => extension.oid === type);
  }
}

export type OcspLint = Lint<OcspSubject>;

/** Digests that a CertID may use, by OID. */
const digests: ReadonlyMap<string, string> = new Map([
  ['1.3.14.3.2.26', 'sha1'],
  [oid.sha256, 'sha256'],
  [oid.sha384, 'sha384'],
  [oid.sha512, 'sha512'],
]);

interface IssuerHashes {
  readonly name: Uint8Array;
  readonly key: Uint8Array;
}

/** A certificate never changes, so its hashes are made once; they run on every signed answer. */
const hashesByCertificate = new WeakMap<Certificate, Map<string, IssuerHashes>>();

/** Hashes of a certificate's subject name and key (BIT STRING content); undefined for a digest not known. */
export function certificateHashes(
  certificate: Certificate,
  digestOid: string,
): IssuerHashes | undefined {
  let known = hashesByCertificate.get(certificate);
  const found = known?.get(digestOid);
  if (found !== undefined) return found;
  const digest = digests.get(digestOid);
  if (digest === undefined) return undefined;
  const made: IssuerHashes = {
    name: hash(digest, certificate.subject.der, 'buffer'),
    key: hash(digest, certificate.subjectPublicKeyInfo.subjectPublicKey, 'buffer'),
  };
  known ??= new Map<string, IssuerHashes>();
  known.set(digestOid, made);
  hashesByCertificate.set(certificate, known);
  return made;
}

function readExtensionWrapper(
  wrapper: Element | undefined,
): readonly EncodedExtension[] | undefined {
  if (wrapper === undefined) return [];
  const list = wrapper.child(0);
  if (list?.tag !== 0x30 || wrapper.children.length !== 1) return undefined;
  return readExtensions(list);
}

/** Cuts a SingleResponse (RFC 6960 §4.2.1); undefined when it has another shape. */
function readSingleResponse(element: Element): EncodedSingleResponse | undefined {
  if (element.tag !== 0x30) return undefined;
  const [certID, status, thisUpdate, ...rest] = element.children;
  if (certID?.tag !== 0x30 || status === undefined || thisUpdate === undefined) return undefined;
  const [algorithm, issuerNameHash, issuerKeyHash, serialNumber, more] = certID.children;
  const hashAlgorithm = algorithm?.tag === 0x30 ? algorithm.child(0) : undefined;
  if (hashAlgorithm?.tag !== 0x06 || more !== undefined || serialNumber?.tag !== 0x02)
    return undefined;
  if (issuerNameHash?.tag !== 0x04 || issuerKeyHash?.tag !== 0x04) return undefined;
  const nextUpdate = rest[0]?.tag === 0xa0 ? rest.shift() : undefined;
  const wrapper = rest[0]?.tag === 0xa1 ? rest.shift() : undefined;
  const extensions = readExtensionWrapper(wrapper);
  if (rest.length > 0 || extensions === undefined) return undefined;
  if (nextUpdate !== undefined && nextUpdate.children.length !== 1) return undefined;
  const common = {
    certID,
    hashAlgorithm: hashAlgorithm.oid,
    issuerNameHash,
    issuerKeyHash,
    serialNumber,
    thisUpdate,
    nextUpdate: nextUpdate?.child(0),
    extensionList: wrapper?.child(0),
    extensions,
  };
  const none = { revocationTime: undefined, reasonCode: undefined };
  if (status.tag === 0x80 && status.length === 0) return { ...common, ...none, status: 'good' };
  if (status.tag === 0x82 && status.length === 0) return { ...common, ...none, status: 'unknown' };
  if (status.tag !== 0xa1) return undefined;
  const [revocationTime, reason, extra] = status.children;
  if (revocationTime === undefined || extra !== undefined) return undefined;
  if (reason !== undefined && (reason.tag !== 0xa0 || reason.children.length !== 1))
    return undefined;
  return { ...common, status: 'revoked', revocationTime, reasonCode: reason?.child(0) };
}

/** Cuts a ResponseData (RFC 6960 §4.2.1) into its fields, or says which is missing or misplaced. */
function readFields(der: Uint8Array): Fields | string {
  const whole = Element.parse(der);
  if (whole.tag !== 0x30) return 'a ResponseData is a SEQUENCE';
  const rest = [...whole.children];
  const optional = (...wanted: readonly number[]): Element | undefined =>
    rest[0] !== undefined && wanted.includes(rest[0].tag) ? rest.shift() : undefined;
  const version = optional(0xa0);
  const responderID = optional(0xa1, 0xa2);
  const producedAt = optional(0x17, 0x18);
  const list = optional(0x30);
  const wrapper = optional(0xa1);
  if (responderID === undefined || responderID.children.length !== 1)
    return 'no responderID where it belongs';
  if (producedAt === undefined) return 'no producedAt where it belongs';
  if (list === undefined || rest.length > 0)
    return 'responses are missing, or something follows the extensions';
  const extensions = readExtensionWrapper(wrapper);
  if (extensions === undefined) return 'responseExtensions are no SEQUENCE of extensions in [1]';
  const responses: EncodedSingleResponse[] = [];
  for (const element of list.children) {
    const response = readSingleResponse(element);
    if (response === undefined) return `no SingleResponse at octet ${element.start}`;
    responses.push(response);
  }
  return {
    whole,
    version,
    responderID,
    producedAt,
    responses,
    extensionList: wrapper?.child(0),
    extensions,
  };
}
