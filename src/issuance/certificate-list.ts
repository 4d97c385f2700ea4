import { createHash } from 'node:crypto';
import { ChanceryError } from '../domain/index.ts';
import { type CrlLintContext, lintCrl } from '../lint/index.ts';
import {
  assembleSigned,
  encodeTbsCertListFrame,
  type TbsCertList,
  type TbsCertListFrame,
  verifySignature,
} from '../pkix/index.ts';
import type { EncodedEntries, Signer } from './ports.ts';
import { OneUse, refuseFailedLints } from './prepared.ts';
import type { SigningIssuer } from './signing-issuer.ts';

/** A CRL whose octets are fixed and linted, before its signature. */
export type PreparedCrl = OneUse<{
  readonly frame: TbsCertListFrame;
  readonly entries: EncodedEntries;
  readonly issuer: SigningIssuer;
}>;

/** What a CRL is made of, and what it must say by what is known from elsewhere (`CrlLintContext`). */
export interface CrlPreparation extends Omit<CrlLintContext, 'issuer'> {
  readonly tbs: TbsCertList;
  /** In ascending order of serial numbers; kept readable until the CRL is published. */
  readonly entries: EncodedEntries;
  readonly issuer: SigningIssuer;
}

/** A signed CRL, readable as long as its entries are. */
export interface IssuedCrl {
  /** Octets of the whole CertificateList. */
  readonly octets: number;
  /** Lower-case hex, of the whole CertificateList. */
  readonly sha256: string;
  /** The CertificateList's DER, in order; may be read more than once. */
  chunks(): AsyncIterable<Uint8Array>;
}

/** @throws ChanceryError `lintFailed`. */
export async function prepareCrl(preparation: CrlPreparation): Promise<PreparedCrl> {
  const { tbs, entries, issuer, ...known } = preparation;
  if (issuer.certificate === undefined) {
    throw new ChanceryError('illegalTransition', {
      message: `issuer ${issuer.issuerId} has no certificate yet; install its chain before a CRL`,
    });
  }
  const frame = encodeTbsCertListFrame(tbs, entries.octets);
  const bytes = await collect(tbsChunks(frame, entries));
  refuseFailedLints('CRL', lintCrl(bytes, { ...known, issuer: issuer.certificate }));
  return new OneUse({ frame, entries, issuer });
}

async function* tbsChunks(
  frame: TbsCertListFrame,
  entries: EncodedEntries,
): AsyncGenerator<Uint8Array> {
  yield frame.head;
  yield* entries.chunks();
  yield frame.tail;
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return new Uint8Array(Buffer.concat(parts));
}

/**
 * Consumes the prepared value; the CRL's number was committed before. What is answered was
 * verified with the issuer's public key over the octets as they are read for publication.
 *
 * @param deadline milliseconds that the signer process may take for each step
 */
export async function issueCrl(
  prepared: PreparedCrl,
  signer: Signer,
  deadline: number,
): Promise<IssuedCrl> {
  const { frame, entries, issuer } = prepared.take();
  const { keyId, signatureAlgorithm } = issuer;
  const signature = await signer.signStream({
    keyId,
    purpose: 'crl',
    algorithm: signatureAlgorithm.name,
    length: frame.octets,
    chunks: () => tbsChunks(frame, entries),
    deadline,
  });
  const bytes = await collect(tbsChunks(frame, entries));
  if (!verifySignature(signatureAlgorithm, issuer.publicKey, bytes, signature)) {
    throw new ChanceryError('keyBlocked', {
      message: `the token returned a signature of key ${keyId} that does not verify; nothing was issued`,
      clause: 'RFC 5280 §5.1.1.3',
    });
  }
  const der = assembleSigned(bytes, signatureAlgorithm, signature);
  return {
    octets: der.length,
    sha256: createHash('sha256').update(der).digest('hex'),
    async *chunks() {
      yield await Promise.resolve(der);
    },
  };
}
