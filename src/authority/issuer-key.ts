import { defaultStatusPolicy, type Principal, type TenantId } from '../domain/index.ts';
import { issueCertificationRequest } from '../issuance/index.ts';
import type { GeneratedKey, KeyRecord } from '../keys/index.ts';
import {
  defaultSignatureAlgorithm,
  encodeBasicConstraints,
  encodeKeyUsage,
  hashKey,
  hashName,
  importVerificationKey,
  keyIdentifierHex,
  type Name,
  parseSubjectPublicKeyInfo,
  type SubjectPublicKeyInfo,
  signatureAlgorithms,
} from '../pkix/index.ts';
import { recordDone } from './acts.ts';
import type { AuthorityContext } from './context.ts';
import type { AuthorityDependencies } from './dependencies.ts';
import { profileOf } from './issuer-parameters.ts';
import type { CreateIssuerRequest } from './issuers.ts';
import { requireStrength, requireValidated } from './key-states.ts';
import { type LoadedIssuer, loadIssuer } from './loaded-issuers.ts';
import type { IssuerRecord, Transaction } from './ports.ts';
import { caPath } from './published-paths.ts';

/**
 * The key pair in its token, and its record: from then on a creation that is cut off goes on with it.
 *
 * @returns the issuer, still `pending`
 */
export async function createIssuerKey(
  context: AuthorityContext,
  principal: Principal,
  request: CreateIssuerRequest,
  subject: Name,
  parent: LoadedIssuer | undefined,
  /** Throws when its certificate would be refused: then nothing of the issuer stays. */
  check: (issuer: LoadedIssuer) => void,
): Promise<LoadedIssuer> {
  const { dependencies } = context;
  const { tokens, tenant, unitOfWork, clock, settings, failpoint } = dependencies;
  const token = request.kind === 'root' ? tokens.root : tokens.issuing;
  const algorithm = defaultSignatureAlgorithm(request.keyAlgorithm, request.signature ?? 'pkcs1');
  requireStrength(dependencies, request.keyAlgorithm, algorithm.name);
  requireValidated(dependencies, {
    token: await token.identity(),
    tokenRole: request.kind === 'root' ? 'root' : 'issuing',
  });
  const key = await token.generateKeyPair({
    keyAlgorithm: request.keyAlgorithm,
    signatureAlgorithm: algorithm.name,
    purposes: [
      'certificate',
      'crl',
      ...(request.kind === 'external' ? (['certificationRequest'] as const) : []),
    ],
    label: request.name,
    issuerName: subject.der,
  });
  try {
    const spki = parseSubjectPublicKeyInfo(key.subjectPublicKeyInfo);
    const draft = issuerRecord(context, principal, request, subject, key, spki, parent);
    const record: IssuerRecord =
      request.kind === 'external'
        ? { ...draft, certificationRequest: await requestFor(dependencies, draft, spki, subject) }
        : draft;
    check(loadIssuer(record, spki));
    failpoint('issuer.1-after-key');
    await unitOfWork.run(async (transaction) => {
      const now = clock.now();
      const before = await versionsBefore(transaction, tenant, request);
      await transaction.keys.insert(
        {
          ...key,
          tenant,
          type: 'ca',
          // The next version of the predecessor's key, under one record.
          record: before[0]?.record ?? key.keyId,
          version: Math.max(0, ...before.map(({ version }) => version)) + 1,
          tokenRole: record.tokenRole,
          owner: principal.name,
          origin: 'generated',
          createdAt: now,
          issuerId: record.issuerId,
        },
        { at: now, by: principal.name, reason: `made for issuer ${record.name}` },
      );
      await transaction.issuers.insert(record);
      await recordDone(dependencies, transaction, principal, {
        act: 'issuer.create',
        object: request.name,
        details: {
          issuerId: record.issuerId,
          kind: record.kind,
          token: key.token,
          attributes: key.attributes,
          signDeadline: settings.signDeadline,
        },
      });
    });
    context.issuers.forget();
    return loadIssuer(record, spki);
  } catch (error) {
    // Nothing was signed but a CSR: the pair has no record and goes. A crash here leaves a pair
    // that signs nothing, since the signer process knows no binding of it.
    await token.destroyKeyPair(key.keyId).catch((cause: unknown) => {
      dependencies.log('alarm', 'a key pair without a record stays in the token', {
        keyId: key.keyId,
        cause: String(cause),
      });
    });
    throw error;
  }
}

/** The keys under the record of the issuer that is followed; one that was given up keeps its number. */
async function versionsBefore(
  transaction: Transaction,
  tenant: TenantId,
  { predecessor }: CreateIssuerRequest,
): Promise<readonly KeyRecord[]> {
  if (predecessor === undefined) {
    return [];
  }
  const issuer = await transaction.issuers.find(tenant, predecessor);
  const keys = await transaction.keys.list(tenant);
  const own = keys.find(({ keyId }) => keyId === issuer?.keyId);
  return keys.filter(({ record }) => record === own?.record);
}

/** The record of an issuer whose certificate is to come. */
export function issuerRecord(
  { dependencies }: AuthorityContext,
  principal: Principal,
  request: CreateIssuerRequest,
  subject: Name,
  key: GeneratedKey,
  spki: SubjectPublicKeyInfo,
  parent: LoadedIssuer | undefined,
): IssuerRecord {
  const { settings, clock, tenant } = dependencies;
  const issuerId = keyIdentifierHex(spki);
  return {
    tenant,
    issuerId,
    name: request.name,
    kind: request.kind,
    state: 'pending',
    keyId: key.keyId,
    tokenRole: request.kind === 'root' ? 'root' : 'issuing',
    parentIssuerId: parent?.record.issuerId,
    chain: [],
    subject: subject.der,
    signatureAlgorithm: key.algorithm,
    profileName: profileOf(request),
    urls: {
      crl: `${settings.distributionUrl}/crl/${issuerId}/0.crl`,
      ocsp: settings.ocspUrl,
      caIssuers: `${settings.distributionUrl}/${caPath(issuerId)}`,
    },
    crlLifetimeSeconds: request.crlLifetimeSeconds ?? settings.crlLifetimeSeconds,
    statusPolicy: defaultStatusPolicy,
    createdAt: clock.now(),
    createdBy: principal.name,
    nameHashes: nameHashesOf(subject),
    keyHashes: keyHashesOf(spki),
    standing: request.predecessor === undefined ? 'issuing' : 'prepared',
    predecessorId: request.predecessor,
  };
}

const digests = ['sha1', 'sha256', 'sha384', 'sha512'] as const;

/** Hex hashes by digest: how certIDs name an issuer (RFC 6960 §4.1.1). */
export function nameHashesOf(subject: Name): Record<string, string> {
  return hashes((digest) => hashName(subject, digest));
}

/** Hex hashes of the key by digest (RFC 6960 §4.1.1). */
export function keyHashesOf(spki: SubjectPublicKeyInfo): Record<string, string> {
  return hashes((digest) => hashKey(spki, digest));
}

function hashes(hash: (digest: (typeof digests)[number]) => Uint8Array): Record<string, string> {
  return Object.fromEntries(
    digests.map((digest) => [digest, Buffer.from(hash(digest)).toString('hex')]),
  );
}

/** A CSR signed with the issuer's key: proof of possession (RFC 2986 §3). */
export async function requestFor(
  { signer, settings }: AuthorityDependencies,
  record: IssuerRecord,
  subjectPublicKeyInfo: SubjectPublicKeyInfo,
  subject: Name,
): Promise<Uint8Array> {
  return issueCertificationRequest(
    {
      subject,
      subjectPublicKeyInfo,
      extensions: [
        encodeBasicConstraints({ cA: true }),
        encodeKeyUsage(['keyCertSign', 'cRLSign']),
      ],
    },
    {
      keyId: record.keyId,
      signatureAlgorithm: signatureAlgorithms[record.signatureAlgorithm],
      publicKey: importVerificationKey(subjectPublicKeyInfo),
    },
    signer,
    settings.signDeadline,
  );
}
