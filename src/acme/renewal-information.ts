import type { CertificateRecord, Inventory } from '../authority/ports.ts';
import type { TenantId } from '../domain/index.ts';
import {
  findExtension,
  oids,
  parseAuthorityKeyIdentifier,
  parseCertificate,
} from '../pkix/index.ts';
import type { Handler, PublicContext } from './context.ts';
import type { RenewalIncident } from './ports.ts';
import { AcmeProblem } from './problem.ts';
import { type CertId, formatTime, parseCertId, suggestedWindow } from './renewal-info.ts';

/**
 * renewalInfo (RFC 9773 §4): when this certificate should be renewed. Anyone may ask; the certID
 * is in the certificate, and the answer says no more than what OCSP tells.
 */
export const showRenewalInformation: Handler<PublicContext> = async ({ deps, parameters, now }) => {
  const certId = parseCertId(parameters['certId'] ?? '');
  if (certId === undefined) {
    throw new AcmeProblem('malformed', {
      detail:
        'this is no certID: base64url of the authority key identifier, a dot, base64url of the serial number, both without padding (RFC 9773 §4.1)',
    });
  }
  const { certificate, incident } = await deps.unitOfWork.readOne(async ({ inventory, acme }) => {
    const record = await findByCertId(inventory, deps.tenant, certId);
    if (record === undefined) throw unknown();
    const incidents = await acme.listIncidents(deps.tenant);
    const listed = await acme.findIncidentOf(deps.tenant, record.issuerId, record.serialNumber);
    const open = listed === undefined ? incidents : [listed, ...incidents];
    return { certificate: record, incident: mostPressing(open, record) };
  });
  const window = suggestedWindow({ certificate, status: certificate.status, incident, now });
  return {
    status: 200,
    headers: { 'retry-after': String(window.retryAfterSeconds) },
    body: {
      suggestedWindow: { start: formatTime(window.start), end: formatTime(window.end) },
      explanationURL: incident?.explanationUrl,
    },
  };
};

/** The issued certificate that a certID names; undefined when there is none. */
export async function findByCertId(
  inventory: Inventory,
  tenant: TenantId,
  { keyIdentifier, serialNumber }: CertId,
): Promise<CertificateRecord | undefined> {
  const rows = await inventory.findBySerialNumber(tenant, serialNumber);
  return rows.find(
    (row) =>
      row.certificate !== undefined &&
      // An issuer under a foreign root may have been given another identifier than our own for it.
      (row.issuerId === keyIdentifier || authorityKeyOf(row.certificate) === keyIdentifier),
  );
}

function authorityKeyOf(certificate: Uint8Array): string | undefined {
  const { extensions } = parseCertificate(certificate);
  const extension = findExtension(extensions, oids.authorityKeyIdentifier);
  const octets = extension && parseAuthorityKeyIdentifier(extension.value);
  return octets && Buffer.from(octets).toString('hex');
}

/** Of the open incidents that mean this certificate, the one whose certificates must be gone first. */
function mostPressing(
  incidents: readonly RenewalIncident[],
  { issuerId, profileName, issuedAt, requestedAt }: CertificateRecord,
): RenewalIncident | undefined {
  return incidents
    .filter(
      (incident) =>
        (incident.issuerId === undefined || incident.issuerId === issuerId) &&
        (incident.profile === undefined || incident.profile === profileName) &&
        // Not notBefore, which is set back: a successor would be called in again and again.
        (issuedAt ?? requestedAt) < incident.issuedBefore,
    )
    .toSorted((a, b) => a.endsAt.getTime() - b.endsAt.getTime())[0];
}

function unknown(): AcmeProblem {
  return new AcmeProblem('malformed', {
    status: 404,
    detail: 'this CA issued no such certificate (RFC 9773 §4.1)',
  });
}
