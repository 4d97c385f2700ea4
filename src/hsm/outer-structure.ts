import type { SigningPurpose } from '../domain/index.ts';

type Structure = 'certificate' | 'crl' | 'certificationRequest' | 'ocspResponse';

/** Octets that tell what a structure is: a header of up to 6, and what sets it apart. */
export const longestBeginning = 16;

/** Content of a DER SEQUENCE that fills `total` octets exactly, as far as it is there; undefined for anything else. */
function sequenceContent(bytes: Uint8Array, total: number): Uint8Array | undefined {
  if (bytes[0] !== 0x30) return undefined;
  const first = bytes[1] ?? 0;
  const lengthOctets = first < 0x80 ? 0 : first & 0x7f;
  if (lengthOctets > 4) return undefined;
  let length = lengthOctets === 0 ? first : 0;
  for (let i = 0; i < lengthOctets; i++) length = length * 256 + (bytes[2 + i] ?? 0);
  const start = 2 + lengthOctets;
  return start + length === total ? bytes.subarray(start) : undefined;
}

function startsWith(bytes: Uint8Array, ...prefix: readonly number[]): boolean {
  return prefix.every((octet, i) => bytes[i] === octet);
}

/**
 * Which structure the bytes outwardly are, by the element that sets each apart from the others:
 * TBSCertificate [0] version v3, TBSCertList INTEGER v2 (RFC 5280 §4.1, §5.1),
 * CertificationRequestInfo INTEGER 0 (RFC 2986 §4.1), ResponseData [1] or [2] responderID
 * (RFC 6960 §4.2.1; its version is DEFAULT v1 and so absent in DER).
 *
 * @param bytes the whole, or of a stream the first `longestBeginning` octets
 * @param total octets of the whole
 */
export function outerStructure(bytes: Uint8Array, total = bytes.length): Structure | undefined {
  const content = sequenceContent(bytes, total);
  if (content === undefined) return undefined;
  if (startsWith(content, 0xa0, 0x03, 0x02, 0x01, 0x02)) return 'certificate';
  if (startsWith(content, 0x02, 0x01, 0x01)) return 'crl';
  if (startsWith(content, 0x02, 0x01, 0x00)) return 'certificationRequest';
  if (content[0] === 0xa1 || content[0] === 0xa2) return 'ocspResponse';
  return undefined;
}

/**
 * Whether bytes may be signed under a purpose: each of the four X.509 structures under its own
 * purpose only, and nothing that looks like one of them under any other, so that a signature made
 * for one purpose can't be passed off as another. Only the outer form is looked at: what is inside
 * was linted before it came here.
 */
export function fitsPurpose(
  purpose: SigningPurpose,
  bytes: Uint8Array,
  total = bytes.length,
): boolean {
  const structure = outerStructure(bytes, total);
  switch (purpose) {
    case 'certificate':
    case 'crl':
    case 'certificationRequest':
    case 'ocspResponse':
      return structure === purpose;
    case 'checkpoint':
    case 'trustMetadata':
    case 'transcript':
    case 'notice':
    case 'selfTest':
      return structure === undefined;
    default:
      return purpose satisfies never;
  }
}
