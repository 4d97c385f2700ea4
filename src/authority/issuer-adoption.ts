import { ChanceryError, type KeyId, type Principal } from '../domain/index.ts';
import type { GeneratedKey, KeyToken } from '../keys/index.ts';
import {
  type Certificate,
  defaultSignatureAlgorithm,
  formatDistinguishedName,
  isSelfSigned,
  type KeyAlgorithmName,
  keyAlgorithmOf,
  type Name,
  parseCertificate,
  parseDistinguishedName,
  parseSubjectPublicKeyInfo,
  type SubjectPublicKeyInfo,
} from '../pkix/index.ts';
import { recordDone } from './acts.ts';
import type { AuthorityContext } from './context.ts';
import { checkInstalledChain } from './installed-chain.ts';
import { spkiHash } from './issuance-core.ts';
import { issuerRecord, requestFor } from './issuer-key.ts';
import { requireStrength, requireValidated } from './key-states.ts';
import { type LoadedIssuer, loadIssuer } from './loaded-issuers.ts';
import type { IssuerRecord, Transaction } from './ports.ts';

/** A key pair that is in a token already, to be an issuer's. */
export interface AdoptIssuerRequest {
  readonly name: string;
  /** CKA_ID in hex: the identifier of the public key (RFC 5280 §4.2.1.2 (1)). */
  readonly keyId: KeyId;
  /** Label of the token; default the issuing token. */
  readonly token?: string | undefined;
  /** RFC 4514; default that of the chain's first certificate, or CN=NAME. */
  readonly subject?: string | undefined;
  /** RSA only; default pkcs1. */
  readonly signature?: 'pkcs1' | 'pss' | undefined;
  /** The chain that the key's CA has already, own certificate first: it is installed at once. */
  readonly chain?: readonly Uint8Array[] | undefined;
  /** cRLNumber of the last CRL that the former CA issued with this key. */
  readonly formerCrlNumber?: bigint | undefined;
}

const purposes = ['certificate', 'crl', 'certificationRequest'] as const;

/**
 * Takes a pair that somebody else made in the token: its attributes are looked at as those of one just
 * made, the inventory must know nothing of it, and its strength must be that of new keys. Nothing is
 * kept, and the pair stays as it is, when something is wrong with it or with the chain given.
 *
 * @returns the issuer, `pending`, with a CSR that proves possession
 * @throws ChanceryError notFound, alreadyExists, badPublicKey, policyViolation
 */
export async function adoptIssuerKey(
  context: AuthorityContext,
  principal: Principal,
  request: AdoptIssuerRequest,
): Promise<LoadedIssuer> {
  const { dependencies } = context;
  const { unitOfWork, tenant, clock, settings } = dependencies;
  const own = ownCertificate(request);
  const isRoot = own !== undefined && isSelfSigned(own);
  refuseNumberAhead(request, clock.now());
  const token = await tokenOf(context, request.token, isRoot);
  await refuseKnown(context, request);
  requireValidated(dependencies, {
    token: await token.identity(),
    tokenRole: isRoot ? 'root' : 'issuing',
  });
  const subject = own?.subject ?? parseDistinguishedName(request.subject ?? `CN=${request.name}`);
  const key = await token.adoptKeyPair({
    keyId: request.keyId,
    purposes,
    signatureAlgorithm: await algorithmOf(token, request),
    issuerName: subject.der,
  });
  requireStrength(dependencies, key.keyAlgorithm, key.algorithm);
  const spki = parseSubjectPublicKeyInfo(key.subjectPublicKeyInfo);
  const draft = issuerRecord(
    context,
    principal,
    {
      name: request.name,
      kind: isRoot ? 'root' : 'external',
      keyAlgorithm: key.keyAlgorithm,
    },
    subject,
    key,
    spki,
    undefined,
  );
  if (request.chain !== undefined) {
    checkInstalledChain(clock.now(), loadIssuer(draft, spki), request.chain);
  }
  await unitOfWork.read(async (transaction) => refuseOtherUse(transaction, draft, spki, subject));
  // Only now may it sign, and nothing but the proof of possession: what was refused is bound nowhere.
  await token.bind([key]);
  const record: IssuerRecord = {
    ...draft,
    certificationRequest: await requestFor(dependencies, draft, spki, subject),
  };
  await unitOfWork.run(async (transaction) => {
    const now = clock.now();
    await refuseOtherUse(transaction, draft, spki, subject);
    await transaction.keys.insert(
      {
        ...key,
        tenant,
        type: 'ca',
        record: key.keyId,
        version: 1,
        tokenRole: record.tokenRole,
        owner: principal.name,
        origin: 'adopted',
        createdAt: now,
        issuerId: record.issuerId,
      },
      { at: now, by: principal.name, reason: `adopted for issuer ${record.name}` },
    );
    await transaction.issuers.insert(record);
    await recordDone(dependencies, transaction, principal, {
      act: 'issuer.adopt',
      object: request.name,
      details: {
        issuerId: record.issuerId,
        keyId: key.keyId,
        kind: record.kind,
        token: key.token,
        attributes: key.attributes,
        signDeadline: settings.signDeadline,
        ...(request.formerCrlNumber === undefined
          ? {}
          : { formerCrlNumber: request.formerCrlNumber.toString() }),
      },
    });
  });
  context.issuers.forget();
  return loadIssuer(record, spki);
}

function ownCertificate({ chain, subject }: AdoptIssuerRequest): Certificate | undefined {
  const [own] = chain ?? [];
  if (own === undefined) return undefined;
  const certificate = parseCertificate(own);
  if (subject !== undefined) {
    throw new ChanceryError('invalidArgument', {
      message: `the chain says the subject (${formatDistinguishedName(certificate.subject)}); leave --subject out`,
      field: 'subject',
    });
  }
  return certificate;
}

/**
 * CRL numbers never go back (RFC 5280 §5.2.3). Ours are the time in microseconds, so that a former CA
 * that counted from one, or by the second, is behind; one that is ahead can't be followed.
 */
function refuseNumberAhead({ formerCrlNumber }: AdoptIssuerRequest, now: Date): void {
  const next = BigInt(now.getTime()) * 1000n;
  if (formerCrlNumber !== undefined && formerCrlNumber >= next) {
    throw new ChanceryError('policyViolation', {
      message: `the former CA's last CRL has number ${formerCrlNumber}, and ours would begin at ${next}: relying parties would take it for an older one; make a new key for the CA`,
      field: 'formerCrlNumber',
      clause: 'RFC 5280 §5.2.3',
    });
  }
}

/** The root token is opened for roots alone (one is adopted with its self-signed certificate). */
async function tokenOf(
  { dependencies: { tokens } }: AuthorityContext,
  label: string | undefined,
  isRoot: boolean,
): Promise<KeyToken> {
  const wanted = isRoot ? tokens.root : tokens.issuing;
  if (label === undefined && !isRoot) return wanted;
  const { label: found } = await wanted.identity();
  if (label === undefined || label === found) return wanted;
  throw new ChanceryError('notFound', {
    message: isRoot
      ? `a root's key is adopted in the root token, ${found}, not in ${label}`
      : `an issuing CA's key is adopted in the issuing token, ${found}, not in ${label}; a root is adopted with its self-signed certificate (--chain)`,
    field: 'token',
  });
}

/** RSA keys sign as asked; the size of the key says with which digest. */
async function algorithmOf(
  token: KeyToken,
  { keyId, signature }: AdoptIssuerRequest,
): Promise<GeneratedKey['algorithm'] | undefined> {
  if (signature !== 'pss') return undefined;
  const object = (await token.objects()).find(
    (one) => one.keyId === keyId && one.subjectPublicKeyInfo !== undefined,
  );
  const algorithm: KeyAlgorithmName | undefined =
    object?.subjectPublicKeyInfo &&
    keyAlgorithmOf(parseSubjectPublicKeyInfo(object.subjectPublicKeyInfo));
  if (algorithm === undefined || !algorithm.startsWith('rsa')) {
    throw new ChanceryError('invalidArgument', {
      message: `--signature pss needs an RSA key, and ${keyId} is none in that token`,
      field: 'signature',
      clause: 'RFC 4055 §3.1',
    });
  }
  return defaultSignatureAlgorithm(algorithm, 'pss').name;
}

/** A name that is taken, and a key that the inventory knows, whatever became of it (SP 800-57 §5.2). */
async function refuseKnown(
  { dependencies, issuers }: AuthorityContext,
  { name, keyId }: AdoptIssuerRequest,
): Promise<void> {
  issuers.forget();
  const named = (await issuers.all()).find(({ record }) => record.name === name);
  if (named !== undefined) {
    throw new ChanceryError('alreadyExists', {
      message: `there is an issuer named ${name} already (${named.record.kind}, ${named.record.state}); take another name`,
      field: 'name',
    });
  }
  const { tenant, unitOfWork } = dependencies;
  const known = await unitOfWork.read(async ({ keys }) => keys.find(tenant, keyId));
  if (known === undefined) return;
  const blocked = known.blockedReason === undefined ? '' : `, blocked: ${known.blockedReason}`;
  throw new ChanceryError('alreadyExists', {
    message: `key ${keyId} is in the inventory already (${known.type}, ${known.label}, ${known.privateState}${blocked}); one key serves one purpose and one issuer`,
    field: 'keyId',
    clause: 'SP 800-57 Part 1 §5.2',
  });
}

/** Keys reported compromised, and keys that are certified for anything but this CA. */
async function refuseOtherUse(
  transaction: Transaction,
  { tenant }: IssuerRecord,
  spki: SubjectPublicKeyInfo,
  subject: Name,
): Promise<void> {
  const hash = spkiHash(spki.der);
  if (await transaction.inventory.isKeyBlocked(tenant, hash)) {
    throw new ChanceryError('badPublicKey', {
      message: 'this key was reported compromised and is blocked for good; make a new key',
      field: 'keyId',
      clause: 'SP 800-57 Part 1 §7.5',
    });
  }
  const text = formatDistinguishedName(subject);
  const other = (await transaction.inventory.findKeyUses(tenant, hash, 20)).find(
    (use) => use.type !== 'ca' || use.subject !== text,
  );
  if (other !== undefined) {
    throw new ChanceryError('badPublicKey', {
      message: `this key is certified for something else (serial number ${other.serialNumber}, ${other.subject || 'no subject'}); make a new key for the CA`,
      field: 'keyId',
      clause: 'SP 800-57 Part 1 §5.2',
    });
  }
}
