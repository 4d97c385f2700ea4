import type { Certificate } from '../../pkix/index.ts';
import { Element } from './element.ts';
import { oid } from './oids.ts';

/** An extension as it stands in the linted bytes. */
export interface EncodedExtension {
  readonly oid: string;
  readonly critical: boolean;
  /** `critical` was written although it is FALSE, its DEFAULT. */
  readonly defaultEncoded: boolean;
  /** The extnValue OCTET STRING. */
  readonly octets: Element;
}

/**
 * Reads `SEQUENCE OF Extension`; undefined when one of them is no
 * `SEQUENCE { OBJECT IDENTIFIER, BOOLEAN OPTIONAL, OCTET STRING }`.
 */
export function readExtensions(sequence: Element): readonly EncodedExtension[] | undefined {
  const extensions: EncodedExtension[] = [];
  for (const element of sequence.children) {
    if (element.tag !== 0x30) return undefined;
    const [type, second, third] = element.children;
    const flag = second?.tag === 0x01 ? second : undefined;
    const octets = flag === undefined ? second : third;
    if (type?.tag !== 0x06 || octets?.tag !== 0x04) return undefined;
    if (element.children.length !== (flag === undefined ? 2 : 3)) return undefined;
    extensions.push({
      oid: type.oid,
      critical: flag !== undefined && flag.content[0] !== 0,
      defaultEncoded: flag !== undefined && flag.content[0] === 0,
      octets,
    });
  }
  return extensions;
}

/** The DER inside an extension. @throws UnreadableError when it is not exactly one element. */
export function innerElement(extension: EncodedExtension): Element {
  const { source, contentStart, end } = extension.octets;
  return Element.parse(source, contentStart, end);
}

/** First OID that stands twice. */
export function duplicateOid(extensions: readonly EncodedExtension[]): string | undefined {
  const seen = new Set<string>();
  for (const extension of extensions) {
    if (seen.has(extension.oid)) return extension.oid;
    seen.add(extension.oid);
  }
  return undefined;
}

/** The bits of a KeyUsage BIT STRING (bit 0 is digitalSignature). */
export function keyUsageBits(bitString: Element): ReadonlySet<number> {
  const bits = new Set<number>();
  const octets = bitString.content.subarray(1);
  for (let bit = 0; bit < octets.length * 8; bit += 1) {
    if (((octets[bit >> 3] ?? 0) & (0x80 >> (bit & 7))) !== 0) bits.add(bit);
  }
  return bits;
}

/** Numbers of the KeyUsage bits (RFC 5280 §4.2.1.3). */
export const keyUsageBit = {
  digitalSignature: 0,
  nonRepudiation: 1,
  keyEncipherment: 2,
  dataEncipherment: 3,
  keyAgreement: 4,
  keyCertSign: 5,
  cRLSign: 6,
  encipherOnly: 7,
  decipherOnly: 8,
} as const;

/** The DER inside an extension of a parsed certificate (issuer, delegate). */
export function extensionOf(certificate: Certificate, type: string): Element | undefined {
  const found = certificate.extensions.find((extension) => extension.oid === type);
  return found === undefined ? undefined : Element.parse(found.value);
}

/** keyIdentifier of a parsed certificate's subjectKeyIdentifier extension. */
export function subjectKeyIdentifierOf(certificate: Certificate): Uint8Array | undefined {
  return extensionOf(certificate, oid.subjectKeyIdentifier)?.content;
}

/** KeyUsage bits of a parsed certificate; undefined when it has no such extension. */
export function keyUsageOf(certificate: Certificate): ReadonlySet<number> | undefined {
  const element = extensionOf(certificate, oid.keyUsage);
  return element === undefined ? undefined : keyUsageBits(element);
}

/** basicConstraints as encoded. */
export function readBasicConstraints(element: Element): {
  readonly cA: boolean;
  readonly pathLength: Element | undefined;
} {
  return {
    cA: (element.tagged(0x01)?.content[0] ?? 0) !== 0,
    pathLength: element.tagged(0x02),
  };
}

/** keyIdentifier [0] of an authorityKeyIdentifier. */
export function authorityKeyIdentifier(element: Element): Element | undefined {
  return element.tagged(0x80);
}
