import { createHash } from 'node:crypto';
import { ChanceryError } from '../../domain/index.ts';
import {
  type Certificate,
  findExtension,
  type GeneralName,
  importVerificationKey,
  namesEqual,
  oids,
  parseCertificate,
  parseIpAddress,
  parseSubjectAltName,
  resolveSignatureAlgorithm,
  verifySignature,
} from '../../pkix/index.ts';
import type { Identifier } from '../ports.ts';
import { connect, secure } from './connection.ts';
import { ValidationFailure } from './failure.ts';
import { checkHostName, findHost } from './host.ts';
import type { Attempt } from './settings.ts';

const protocol = 'acme-tls/1';

/**
 * Validates tls-alpn-01 (RFC 8737 §3; of addresses RFC 8738 §6): a TLS server that speaks
 * `acme-tls/1` shows a self-signed certificate for the identifier with the digest of the key
 * authorization in it. Validity and chain are not looked at: nobody relies on this certificate.
 * Returns the address that answered.
 */
export async function validateTlsAlpn01(
  identifier: Identifier,
  keyAuthorization: string,
  attempt: Attempt,
): Promise<string> {
  const { type, value } = identifier;
  if (type === 'dns') checkHostName(value);
  const port = attempt.settings.tlsAlpn01Port;
  const connection = await connect(await findHost(value, attempt), port, attempt);
  const { address } = connection;
  const where =
    address === value ? `${address} port ${port}` : `${value} (${address} port ${port})`;
  try {
    const servername = type === 'ip' ? reverseName(value) : value;
    const socket = await secure(
      connection,
      where,
      { servername, ALPNProtocols: [protocol] },
      attempt,
    );
    if (socket.alpnProtocol !== protocol) {
      throw new ValidationFailure('tls', `${where} did not agree on the protocol ${protocol}`);
    }
    const der = socket.getPeerX509Certificate()?.raw;
    if (der === undefined) throw new ValidationFailure('tls', `${where} showed no certificate`);
    const fault = faultOf(der, identifier, keyAuthorization);
    if (fault !== undefined) {
      throw new ValidationFailure(
        'incorrectResponse',
        `the certificate of ${where} does not answer the challenge: ${fault} (RFC 8737 §3)`,
      );
    }
    return address;
  } finally {
    connection.socket.destroy();
  }
}

/** The in-addr.arpa or ip6.arpa name of an address, which stands for it as server name (RFC 8738 §6). */
export function reverseName(address: string): string {
  const bytes = parseIpAddress(address);
  return bytes.length === 4
    ? `${[...bytes].reverse().join('.')}.in-addr.arpa`
    : `${[...Buffer.from(bytes).toString('hex')].reverse().join('.')}.ip6.arpa`;
}

/** What is wrong with the certificate, in words of ours; undefined: nothing. */
function faultOf(
  der: Uint8Array,
  identifier: Identifier,
  keyAuthorization: string,
): string | undefined {
  try {
    const certificate = parseCertificate(der);
    return (
      faultOfName(certificate, identifier) ??
      faultOfDigest(certificate, keyAuthorization) ??
      faultOfSignature(certificate)
    );
  } catch (error) {
    if (error instanceof ChanceryError) return 'it breaks the rules of RFC 5280';
    throw error;
  }
}

function faultOfName({ extensions }: Certificate, { type, value }: Identifier): string | undefined {
  const found = findExtension(extensions, oids.subjectAltName);
  if (found === undefined) return 'it has no subjectAltName';
  const [name, ...others] = parseSubjectAltName(found.value);
  if (name === undefined || others.length > 0) {
    return `its subjectAltName must have exactly one entry and has ${others.length + 1}`;
  }
  const expected: GeneralName =
    type === 'ip'
      ? { type: 'iPAddress', bytes: parseIpAddress(value) }
      : { type: 'dNSName', value };
  if (isSameName(name, expected)) return undefined;
  return `its subjectAltName is not the ${expected.type} ${value}`;
}

function isSameName(one: GeneralName, other: GeneralName): boolean {
  if (one.type === 'dNSName' && other.type === 'dNSName') {
    return one.value.toLowerCase() === other.value.toLowerCase();
  }
  if (one.type !== 'iPAddress' || other.type !== 'iPAddress') return false;
  return Buffer.compare(one.bytes, other.bytes) === 0;
}

function faultOfDigest({ extensions }: Certificate, keyAuthorization: string): string | undefined {
  const found = findExtension(extensions, oids.acmeIdentifier);
  if (found === undefined) return 'it has no acmeIdentifier extension (1.3.6.1.5.5.7.1.31)';
  if (!found.critical) return 'its acmeIdentifier extension must be critical';
  const digest = createHash('sha256').update(keyAuthorization).digest();
  // Authorization ::= OCTET STRING (SIZE (32)): in DER these two octets and the digest, nothing else.
  const expected = Buffer.concat([Buffer.of(0x04, 0x20), digest]);
  return expected.equals(found.value)
    ? undefined
    : 'its acmeIdentifier extension does not hold the digest of the key authorization of this challenge and account key';
}

/** "Self-signed" is asked of the client only; checked, because another CA's certificate is no answer. */
function faultOfSignature(certificate: Certificate): string | undefined {
  if (!namesEqual(certificate.issuer, certificate.subject)) return 'it is not self-signed';
  const algorithm = resolveSignatureAlgorithm(certificate.signatureAlgorithm);
  if (algorithm === undefined) return 'it is signed with an algorithm that is not supported';
  const key = importVerificationKey(certificate.subjectPublicKeyInfo);
  return verifySignature(algorithm, key, certificate.tbsDer, certificate.signature)
    ? undefined
    : 'it is not self-signed';
}
