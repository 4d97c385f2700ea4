import type { CertificateRecord, Transaction } from '../authority/ports.ts';
import { ChanceryError, type TenantId } from '../domain/index.ts';
import { formatGeneralName } from '../pkix/index.ts';
import { toGeneralName } from './identifiers.ts';
import type { Identifier } from './ports.ts';

/**
 * A certificate on hold is neither replaced nor renewed: its key or its owner is in doubt, and a new
 * certificate would take the doubt away that the hold expresses. An error of the domain, so that the
 * audit log tells the refusal for what it is.
 */
export function heldError(
  { serialNumber, status }: CertificateRecord,
  what: string,
): ChanceryError {
  const { holdUntil, holdThen } = status;
  const end =
    holdUntil === undefined || holdThen === undefined || holdThen === 'alarm'
      ? ''
      : `, or it ends by itself at ${holdUntil.toISOString()} (then: ${holdThen})`;
  return new ChanceryError('certificateOnHold', {
    message: `${what} is on hold (certificateHold, serial number ${serialNumber}); the hold ends when an operator of the CA releases the certificate${end}; ask again afterwards, or have it revoked and use a new key`,
  });
}

/** The certificate on hold that has this key and one of these names, if there is one. */
export async function findHeld(
  { inventory }: Transaction,
  tenant: TenantId,
  spkiHash: string,
  identifiers: readonly Identifier[],
  now: Date,
): Promise<CertificateRecord | undefined> {
  const names = new Set(identifiers.map((one) => formatGeneralName(toGeneralName(one))));
  const held = await inventory.findHeld(tenant, spkiHash, now);
  return held.find((certificate) => certificate.names.some((name) => names.has(name)));
}
