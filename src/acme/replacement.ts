import type { CertificateRecord, Transaction } from '../authority/ports.ts';
import type { TenantId } from '../domain/index.ts';
import { certificateIdentifiers } from './certificate-identifiers.ts';
import type { AccountContext } from './context.ts';
import { heldError } from './hold.ts';
import { keyOf } from './identifiers.ts';
import type { Identifier } from './ports.ts';
import { AcmeProblem } from './problem.ts';
import { parseCertId } from './renewal-info.ts';

/**
 * Judges `replaces` of a newOrder (RFC 9773 §5): a certificate of this account that shares an
 * identifier with the order. That nobody replaced it already is judged where the order is inserted.
 *
 * @returns the certID as it came
 */
export async function readReplaces(
  { deps, policy, access, payload }: AccountContext,
  identifiers: readonly Identifier[],
): Promise<string | undefined> {
  const certId = payload?.['replaces'];
  if (certId === undefined) return undefined;
  const named = typeof certId === 'string' ? parseCertId(certId) : undefined;
  if (typeof certId !== 'string' || named === undefined) {
    throw refused(
      'it is no certID: base64url of the authority key identifier, a dot, base64url of the serial number (RFC 9773 §4.1)',
    );
  }
  const { tenant, unitOfWork } = deps;
  const { keyIdentifier, serialNumber } = named;
  const [certificate, order] = await unitOfWork.readOne(async ({ inventory, acme }) =>
    Promise.all([
      inventory.find(tenant, keyIdentifier, serialNumber),
      acme.findOrderOfCertificate(tenant, keyIdentifier, serialNumber),
    ]),
  );
  if (
    certificate === undefined ||
    order?.directory !== policy.name ||
    order.accountId !== access.account.accountId
  ) {
    throw refused('this account has no certificate with that certID');
  }
  const replaced = new Set(certificateIdentifiers(certificate).map(keyOf));
  if (!identifiers.some((identifier) => replaced.has(keyOf(identifier)))) {
    throw refused('the certificate has no identifier in common with this order');
  }
  refuseHeld(certificate);
  return certId;
}

/** A hold may have come after the order that replaces the certificate. @throws ChanceryError certificateOnHold */
export async function refuseReplacementOfHeld(
  { inventory }: Transaction,
  tenant: TenantId,
  certId: string | undefined,
): Promise<void> {
  const named = certId === undefined ? undefined : parseCertId(certId);
  if (named === undefined) return;
  const certificate = await inventory.find(tenant, named.keyIdentifier, named.serialNumber);
  if (certificate !== undefined) refuseHeld(certificate);
}

function refuseHeld(certificate: CertificateRecord): void {
  if (certificate.status.status === 'onHold') {
    throw heldError(certificate, 'the certificate that this order would replace');
  }
}

/** Of an order whose certificate is replaced already (RFC 9773 §5). */
export function alreadyReplaced(): AcmeProblem {
  return new AcmeProblem('alreadyReplaced', {
    detail:
      'another order replaces this certificate already; leave "replaces" out, or go on with that order (RFC 9773 §5)',
  });
}

/** issuerId/serialNumber, as the inventory refers to what a certificate follows. */
export function replacedReference(certId: string | undefined): string | undefined {
  const named = certId === undefined ? undefined : parseCertId(certId);
  return named === undefined ? undefined : `${named.keyIdentifier}/${named.serialNumber}`;
}

function refused(why: string): AcmeProblem {
  return new AcmeProblem('malformed', {
    detail: `"replaces" is refused: ${why}; leave it out for an order that replaces nothing`,
  });
}
