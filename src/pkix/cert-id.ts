import { type DerReader, octetString, sequence } from '../der/index.ts';
import type { SerialNumber } from '../domain/index.ts';
import { type HashName, hashIdentifier, readAlgorithmIdentifier } from './algorithms.ts';
import { encode } from './decoding.ts';
import { encodeSerialNumber, readSerialNumberBytes, serialNumberOf } from './serial-number.ts';
import { hashKey, hashName } from './signature.ts';
import type { CertID, Name, SubjectPublicKeyInfo } from './types.ts';

/**
 * Reads a CertID (RFC 6960 §4.1.1). Any hash algorithm is read; whether its hashes belong to an
 * issuer is the responder's to find out.
 */
export function readCertID(reader: DerReader): CertID {
  const { raw, body } = reader.captured();
  const hashAlgorithm = readAlgorithmIdentifier(body);
  const issuerNameHash = body.octetString();
  const issuerKeyHash = body.octetString();
  const serialNumber = serialNumberOf(readSerialNumberBytes(body));
  body.end();
  return { der: raw, hashAlgorithm, issuerNameHash, issuerKeyHash, serialNumber };
}

/**
 * The CertID of a certificate: hashes of the issuer's name and key, hash parameters NULL as
 * OpenSSL and GnuTLS write them.
 *
 * @throws ChanceryError `malformed` for a bad serial number.
 */
export function createCertID(
  hash: HashName,
  issuerName: Name,
  issuerSpki: SubjectPublicKeyInfo,
  serialNumber: SerialNumber,
): CertID {
  const hashAlgorithm = hashIdentifier(hash);
  const issuerNameHash = hashName(issuerName, hash);
  const issuerKeyHash = hashKey(issuerSpki, hash);
  const der = encode({ name: 'CertID', clause: 'RFC 6960 §4.1.1' }, () =>
    sequence(
      hashAlgorithm.der,
      octetString(issuerNameHash),
      octetString(issuerKeyHash),
      encodeSerialNumber(serialNumber),
    ),
  );
  return { der, hashAlgorithm, issuerNameHash, issuerKeyHash, serialNumber };
}
