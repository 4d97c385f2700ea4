import { createHash } from 'node:crypto';
import { ChanceryError } from '../domain/index.ts';
import { type CrlLintContext, CrlLinter } from '../lint/index.ts';
import {
  encodeTbsCertListFrame,
  frameSigned,
  SignatureVerification,
  type TbsCertList,
  type TbsCertListFrame,
} from '../pkix/index.ts';
import type { EncodedEntries, Signer } from './ports.ts';
import { OneUse, refuseFailedLints } from './prepared.ts';
import { type SigningIssuer, unverified } from './signing-issuer.ts';

/** A CRL whose octets are fixed and linted, before its signature. */
export type PreparedCrl = OneUse<{
  readonly frame: TbsCertListFrame;
  readonly entries: EncodedEntries;
  readonly issuer: SigningIssuer;
  /** SHA-256 of the TBSCertList that passed its lints. */
  readonly linted: Uint8Array;
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

/**
 * Encodes what stands around the entries and lints the whole in one pass over the octets.
 *
 * @throws ChanceryError `lintFailed`.
 */
export async function prepareCrl(preparation: CrlPreparation): Promise<PreparedCrl> {
  const { tbs, entries, issuer, ...known } = preparation;
  if (issuer.certificate === undefined) {
    throw new ChanceryError('illegalTransition', {
      message: `issuer ${issuer.issuerId} has no certificate yet; install its chain before a CRL`,
    });
  }
  const frame = encodeTbsCertListFrame(tbs, entries.octets);
  const linter = new CrlLinter({ ...known, issuer: issuer.certificate });
  const hash = createHash('sha256');
  for await (const chunk of framed(frame, entries)) {
    linter.write(chunk);
    hash.update(chunk);
  }
  refuseFailedLints('CRL', linter.end());
  return new OneUse({ frame, entries, issuer, linted: hash.digest() });
}

/**
 * Consumes the prepared value; the CRL's number was committed before. The octets are read again to
 * be signed, and once more to be verified with the issuer's public key and hashed; each time they
 * must be those that were linted.
 *
 * @param deadline milliseconds that the signer process may take for each step
 * @throws ChanceryError `internal` when the entries read differently from before, `keyBlocked` when
 * the signature does not verify, and all of `Signer.signStream`.
 */
export async function issueCrl(
  prepared: PreparedCrl,
  signer: Signer,
  deadline: number,
): Promise<IssuedCrl> {
  const { frame, entries, issuer, linted } = prepared.take();
  const { keyId, signatureAlgorithm } = issuer;
  const signature = await signer.signStream({
    keyId,
    purpose: 'crl',
    algorithm: signatureAlgorithm.name,
    length: frame.octets,
    chunks: () => sameAs(linted, frame, entries),
    deadline,
  });
  const outer = frameSigned(frame.octets, signatureAlgorithm, signature);
  const verification = new SignatureVerification(signatureAlgorithm, issuer.publicKey);
  const whole = createHash('sha256').update(outer.head);
  for await (const chunk of sameAs(linted, frame, entries)) {
    verification.update(chunk);
    whole.update(chunk);
  }
  if (!verification.verify(signature)) throw unverified(keyId, 'RFC 5280 §5.1.1.3');
  return {
    octets: outer.head.length + frame.octets + outer.tail.length,
    sha256: whole.update(outer.tail).digest('hex'),
    async *chunks() {
      yield outer.head;
      yield* framed(frame, entries);
      yield outer.tail;
    },
  };
}

async function* framed(
  frame: TbsCertListFrame,
  entries: EncodedEntries,
): AsyncGenerator<Uint8Array> {
  yield frame.head;
  yield* entries.chunks();
  yield frame.tail;
}

/** The octets that were linted: the last chunk is given only when they are the same. */
async function* sameAs(
  linted: Uint8Array,
  frame: TbsCertListFrame,
  entries: EncodedEntries,
): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256').update(frame.head);
  yield frame.head;
  for await (const chunk of entries.chunks()) {
    hash.update(chunk);
    yield chunk;
  }
  if (Buffer.compare(hash.update(frame.tail).digest(), linted) !== 0) {
    throw new ChanceryError('internal', {
      message:
        'the entries of the CRL are not those that were linted; nothing was signed or published. Check the disk of the work folder',
    });
  }
  yield frame.tail;
}
