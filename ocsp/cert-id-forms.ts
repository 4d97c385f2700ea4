import type { SerialNumber } from '../src/domain/index.ts';
import { type Certificate, createCertID } from '../src/pkix/index.ts';

const digests = ['sha1', 'sha256', 'sha384', 'sha512'] as const;

/**
 * The ways to write the certID of one issuer's certificates (RFC 6960 §4.1.1) that clients use: each
 * digest, with its parameters NULL or left out. Since they can be counted, all answers about a
 * certificate are found by its serial number without an index of their own.
 */
export class CertIdForms {
  readonly certificate: Certificate;
  /** Content of a certID before its serial number. */
  readonly #prefixes: readonly Buffer[];

  constructor(issuer: Certificate) {
    this.certificate = issuer;
    this.#prefixes = digests.flatMap((digest) => {
      const { der, hashAlgorithm } = createCertID(
        digest,
        issuer.subject,
        issuer.subjectPublicKeyInfo,
        '01',
      );
      const content = contentOf(Buffer.from(der));
      // `02 01 01` at the end is the serial number.
      const hashes = content.subarray(hashAlgorithm.der.length, -3);
      const algorithm = contentOf(Buffer.from(hashAlgorithm.der));
      return [
        Buffer.concat([hashAlgorithm.der, hashes]),
        // Without the NULL, `05 00`.
        Buffer.concat([sequenceOf(algorithm.subarray(0, -2)), hashes]),
      ];
    });
  }

  /** DER of every form of the certID with this serial number. */
  of(serialNumber: SerialNumber): readonly Buffer[] {
    const even = serialNumber.length % 2 === 0 ? serialNumber : `0${serialNumber}`;
    const octets = Buffer.from(even, 'hex');
    const sign = (octets[0] ?? 0) >= 0x80 ? Buffer.alloc(1) : Buffer.alloc(0);
    const integer = Buffer.concat([Buffer.of(2, sign.length + octets.length), sign, octets]);
    return this.#prefixes.map((prefix) => sequenceOf(Buffer.concat([prefix, integer])));
  }
}

function contentOf(der: Buffer): Buffer {
  return der.subarray((der[1] ?? 0) < 0x80 ? 2 : 3);
}

/** A SEQUENCE of less than 256 octets of content, which a certID always is. */
function sequenceOf(content: Buffer): Buffer {
  const { length } = content;
  const head = length < 0x80 ? [0x30, length] : [0x30, 0x81, length];
  return Buffer.concat([Buffer.from(head), content]);
}
