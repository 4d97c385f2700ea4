import { BasicOCSPResponse, OCSPResponse, Certificate as PkijsCertificate } from 'pkijs';
import type { Certificate } from '../../../src/pkix/index.ts';
import { exact, type Question } from './question.ts';

/** certStatus by its tag. */
const statuses = ['good', 'revoked', 'unknown'] as const;

/**
 * What pkijs says of an answer: the status after it has verified signature, delegate and path on
 * its own. The probe asks it beside `verifyAnswer`, because a defect of our own codec would be on
 * both sides of the wire otherwise. pkijs 4.0 verifies no Ed25519.
 *
 * @param trusted the issuer and what is above it, root included
 * @throws Error with the reason when pkijs does not accept the answer
 */
export async function secondReading(
  der: Uint8Array,
  { certificate, issuer }: Question,
  trusted: readonly Certificate[],
): Promise<(typeof statuses)[number]> {
  const { responseBytes } = OCSPResponse.fromBER(exact(der));
  if (responseBytes === undefined) {
    throw new Error('no responseBytes');
  }
  const basic = BasicOCSPResponse.fromBER(exact(responseBytes.response.valueBlock.valueHexView));
  const trustedCerts = [issuer, ...trusted].map((one) => PkijsCertificate.fromBER(exact(one.der)));
  if (!(await basic.verify({ trustedCerts }))) {
    throw new Error('the signature is wrong');
  }
  const { isForCertificate, status } = await basic.getCertificateStatus(
    PkijsCertificate.fromBER(exact(certificate.der)),
    PkijsCertificate.fromBER(exact(issuer.der)),
  );
  const name = statuses[status];
  if (!isForCertificate || name === undefined) {
    throw new Error('the answer is about another certificate');
  }
  return name;
}
