import type { CertificateRecord } from '../authority/ports.ts';
import { isChanceryError, type ReasonCode, reasonCodeName } from '../domain/index.ts';
import { type Certificate, parseCertificate } from '../pkix/index.ts';
import { accountPrincipal } from './account-principal.ts';
import { decodeBase64url } from './base64url.ts';
import { certificateIdentifiers } from './certificate-identifiers.ts';
import type { AccountContext, Handler, SignedContext } from './context.ts';
import { baseOf, keyOf } from './identifiers.ts';
import type { OrderRecord } from './ports.ts';
import { AcmeProblem } from './problem.ts';

/** Why the signer of a request may revoke a certificate (RFC 8555 §7.6). */
type Standing = 'certificateKey' | 'issuingAccount' | 'authorizedAccount';

/** What a subscriber knows of; the CA's own reasons, the hold and the delta CRL's mark are not theirs. */
const subscriberReasons: ReadonlySet<ReasonCode> = new Set([
  'unspecified',
  'keyCompromise',
  'affiliationChanged',
  'superseded',
  'cessationOfOperation',
  'privilegeWithdrawn',
]);

/**
 * revokeCert (RFC 8555 §7.6): by the certificate's key, by the account that it was issued to, or by
 * an account that holds valid authorizations of all its names. A certificate on hold can be revoked
 * as well.
 */
export const revokeCertificate: Handler<SignedContext> = async (context) => {
  const { deps, payload } = context;
  const parsed = readCertificate(payload?.['certificate']);
  const reasonCode = readReason(payload?.['reason']);
  const { record, order } = await findCertificate(context, parsed);
  const standing = await standingOf(context, record, order);
  refuseReason(standing, reasonCode);
  if (record.status.status === 'revoked' && !correctsReason(standing, reasonCode, record)) {
    throw new AcmeProblem('alreadyRevoked', {
      detail: `the certificate is revoked already (${record.status.reasonCode ?? 'unspecified'})`,
    });
  }
  await deps.authority.revokeCertificate(principalOf(context), {
    serialNumber: record.serialNumber,
    issuer: record.issuerId,
    reasonCode,
    comment: comments[standing],
  });
  return { status: 200 };
};

const comments: Readonly<Record<Standing, string>> = {
  certificateKey: 'ACME revokeCert, signed by the key of the certificate',
  issuingAccount: 'ACME revokeCert by the account that it was issued to',
  authorizedAccount: 'ACME revokeCert by an account with authorizations of all its names',
};

function readCertificate(text: unknown): Certificate {
  const der = typeof text === 'string' ? decodeBase64url(text) : undefined;
  if (der === undefined) {
    throw new AcmeProblem('malformed', {
      detail:
        'certificate is no base64url text; send the DER of the certificate as base64url without padding (RFC 8555 §7.6)',
    });
  }
  try {
    return parseCertificate(der);
  } catch (error) {
    if (!isChanceryError(error)) throw error;
    throw new AcmeProblem('malformed', {
      detail: `the certificate can't be read: ${error.message}`,
      cause: error,
    });
  }
}

function readReason(reason: unknown): ReasonCode {
  if (reason === undefined) return 'unspecified';
  const name = typeof reason === 'number' ? reasonCodeName(reason) : undefined;
  if (name === undefined || !subscriberReasons.has(name)) {
    throw new AcmeProblem('badRevocationReason', {
      detail:
        'reason is not one that a subscriber gives: 0 unspecified, 1 keyCompromise, 3 affiliationChanged, 4 superseded, 5 cessationOfOperation, 9 privilegeWithdrawn (RFC 5280 §5.3.1)',
    });
  }
  return name;
}

/** Exactly this certificate, of this CA; what it names itself is not believed. */
async function findCertificate(
  { deps, policy }: SignedContext,
  { serialNumber, der }: Certificate,
): Promise<{ readonly record: CertificateRecord; readonly order: OrderRecord | undefined }> {
  const { tenant, unitOfWork } = deps;
  const rows = await unitOfWork.readOne(async ({ inventory }) =>
    inventory.findBySerialNumber(tenant, serialNumber),
  );
  const record = rows.find(
    ({ certificate }) => certificate !== undefined && Buffer.compare(certificate, der) === 0,
  );
  if (record === undefined) {
    throw new AcmeProblem('unauthorized', {
      status: 403,
      detail: 'this CA did not issue that certificate; send exactly the octets that it issued',
    });
  }
  const order = await unitOfWork.readOne(async ({ acme }) =>
    acme.findOrderOfCertificate(tenant, record.issuerId, serialNumber),
  );
  // Another directory may vouch for names more lightly: its accounts have no say here.
  return { record, order: order?.directory === policy.name ? order : undefined };
}

/** @throws AcmeProblem unauthorized */
async function standingOf(
  context: SignedContext,
  record: CertificateRecord,
  order: OrderRecord | undefined,
): Promise<Standing> {
  const { access, key } = context;
  // CA certificates and delegates are no subscriber's, whatever key signs.
  if (record.type === 'endEntity') {
    if (access === undefined) {
      if (record.spkiHash === key.spkiHash) return 'certificateKey';
    } else if (order?.accountId === access.account.accountId) {
      return 'issuingAccount';
    } else if (order !== undefined && (await authorizesAll({ ...context, access }, record))) {
      return 'authorizedAccount';
    }
  }
  throw new AcmeProblem('unauthorized', {
    status: 403,
    detail:
      'the request is signed neither by the key of the certificate, nor by the account that it was issued to, nor by one with valid authorizations of all its names (RFC 8555 §7.6)',
  });
}

/** Each name for itself: a wildcard is not authorised by its base, nor the other way (I18, I40). */
async function authorizesAll(
  { deps, policy, access, now }: AccountContext,
  record: CertificateRecord,
): Promise<boolean> {
  const identifiers = certificateIdentifiers(record);
  if (identifiers.length === 0 || identifiers.length !== record.names.length) return false;
  const bases = identifiers.map(baseOf);
  const held = await deps.unitOfWork.readOne(async ({ acme }) =>
    acme.findValidAuthorizations(deps.tenant, policy.name, access.account.accountId, bases, now),
  );
  const authorized = new Set(held.map((one) => `${one.wildcard}${keyOf(one.identifier)}`));
  return bases.every((one) => authorized.has(`${one.wildcard}${keyOf(one.identifier)}`));
}

/** keyCompromise ends every certificate of the key, so it takes who holds the key or the certificate. */
function refuseReason(standing: Standing, reasonCode: ReasonCode): void {
  if (standing === 'authorizedAccount' && reasonCode === 'keyCompromise') {
    throw new AcmeProblem('badRevocationReason', {
      detail:
        'keyCompromise is said by the account that the certificate was issued to, or by a request that the compromised key signs; give another reason',
    });
  }
}

/** Whoever shows the key itself may still say that it is compromised. */
function correctsReason(
  standing: Standing,
  reasonCode: ReasonCode,
  { status }: CertificateRecord,
): boolean {
  return (
    standing === 'certificateKey' &&
    reasonCode === 'keyCompromise' &&
    status.reasonCode !== 'keyCompromise'
  );
}

function principalOf({
  deps,
  policy,
  access,
  key,
}: SignedContext): ReturnType<typeof accountPrincipal> {
  const signer = access?.account ?? {
    directory: policy.name,
    accountId: `key ${key.thumbprint}`,
  };
  return accountPrincipal(deps, signer, ['certificates:revoke']);
}
