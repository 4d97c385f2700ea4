import { canonicalize } from '../../audit/index.ts';
import { ChanceryError, type Principal } from '../../domain/index.ts';
import { type Certificate, parseCertificate, parseCertificateList } from '../../pkix/index.ts';
import type { AuthorityContext } from '../context.ts';
import { issuerUseCases } from '../issuers.ts';
import { keyDestruction } from '../key-destruction.ts';
import type { LoadedIssuer } from '../loaded-issuers.ts';
import { sha256 } from '../octets.ts';
import type { IssuerRecord } from '../ports.ts';
import { crlPath } from '../published-paths.ts';
import { certifyForeign } from './certify.ts';
import type { CeremonyDeclaration, NewIssuerDeclaration } from './declaration.ts';
import type { CeremonyFile } from './parse.ts';
import type { CeremonyPlan } from './plan.ts';
import type { CeremonyMaterial } from './planning.ts';
import { differsFromPlan } from './preview.ts';
import type { MadeLine } from './transcript-lines.ts';

/** What was made, as the transcript tells it. */
export type MadeThing = Omit<MadeLine, 'kind' | 'number' | 'previous' | 'at'>;

/** Told of each thing as soon as it exists. */
export type Report = (thing: MadeThing) => void;

/** A CRL longer than this stands in the transcript by its hash alone. */
const largestEmbedded = 4 * 1024 * 1024;

/**
 * Carries a plan out, through the same use cases as every other act: intent, lint, signature, audit.
 * What was begun before and cut off goes on with the key that was made then.
 *
 * @throws ChanceryError of the acts; policyViolation when what was made is not what was planned
 */
export async function carryOut(
  context: AuthorityContext,
  principal: Principal,
  { declaration }: CeremonyFile,
  plan: CeremonyPlan,
  material: CeremonyMaterial,
  report: Report,
): Promise<void> {
  switch (declaration.ceremony) {
    case 'root':
    case 'rollover':
      return makeRoot(context, principal, declaration, plan, report);
    case 'intermediate':
      return declaration.issuer === undefined
        ? certify(context, principal, declaration, plan, material, report)
        : makeSubordinate(
            context,
            principal,
            declaration.issuer,
            declaration.by.issuer,
            plan,
            report,
          );
    case 'cross-certificate':
    case 'delegate':
      return certify(context, principal, declaration, plan, material, report);
    case 'root-crl': {
      const issuer = await context.issuers.byNameOrId(declaration.by.issuer);
      await context.crls.publish(issuer, principal, declaration.crl.days * 86_400);
      return reportCrl(context, issuer, report);
    }
    case 'destruction':
      for (const { keyId } of declaration.keys) {
        report(await destroyKey(context, principal, keyId, declaration));
      }
      return;
    default:
      return declaration satisfies never;
  }
}

async function makeRoot(
  context: AuthorityContext,
  principal: Principal,
  { issuer, crl }: Extract<CeremonyDeclaration, { ceremony: 'root' | 'rollover' }>,
  plan: CeremonyPlan,
  report: Report,
): Promise<void> {
  const record = await issuerUseCases(context).createIssuer(principal, {
    ...requestOf(issuer),
    kind: 'root',
    crlLifetimeSeconds: crl.days * 86_400,
  });
  await reportIssuer(context, record, plan, report);
  await reportCrl(context, await context.issuers.byNameOrId(record.issuerId), report);
}

async function makeSubordinate(
  context: AuthorityContext,
  principal: Principal,
  issuer: NewIssuerDeclaration,
  parent: string,
  plan: CeremonyPlan,
  report: Report,
): Promise<void> {
  const record = await issuerUseCases(context).createIssuer(principal, {
    ...requestOf(issuer),
    kind: 'subordinate',
    parent,
  });
  await reportIssuer(context, record, plan, report);
}

async function certify(
  context: AuthorityContext,
  principal: Principal,
  declaration: Extract<
    CeremonyDeclaration,
    { ceremony: 'intermediate' | 'cross-certificate' | 'delegate' }
  >,
  plan: CeremonyPlan,
  material: CeremonyMaterial,
  report: Report,
): Promise<void> {
  const by = await context.issuers.byNameOrId(declaration.by.issuer);
  const certificate = parseCertificate(
    await certifyForeign(context, principal, declaration, by, material),
  );
  const name = declaration.ceremony === 'delegate' ? declaration.responder : plannedName(plan);
  report(madeCertificate(name, certificate, by.chain));
  requirePlanned(plan, certificate);
}

function requestOf(issuer: NewIssuerDeclaration) {
  const { key, ...rest } = issuer;
  return { ...rest, keyAlgorithm: key };
}

async function reportIssuer(
  context: AuthorityContext,
  { keyId, issuerId, name }: IssuerRecord,
  plan: CeremonyPlan,
  report: Report,
): Promise<void> {
  const { unitOfWork, tenant } = context.dependencies;
  const key = await unitOfWork.read(async (transaction) => transaction.keys.find(tenant, keyId));
  const { chain } = await context.issuers.byNameOrId(issuerId);
  const [certificate, ...above] = chain;
  if (key === undefined || certificate === undefined) {
    throw new ChanceryError('internal', {
      message: `issuer ${name} was made without a certificate`,
    });
  }
  const spkiSha256 = sha256(key.subjectPublicKeyInfo);
  const { token, attributes, algorithm } = key;
  report({
    what: 'keyPair',
    name,
    sha256: spkiSha256,
    spkiSha256,
    key: { keyId, token, attributes: { ...attributes }, algorithm },
  });
  report(madeCertificate(name, certificate, above));
  requirePlanned(plan, certificate);
}

function madeCertificate(
  name: string,
  certificate: Certificate,
  above: readonly Certificate[],
): MadeThing {
  return {
    what: 'certificate',
    name,
    sha256: sha256(certificate.der),
    tbsSha256: sha256(certificate.tbsDer),
    spkiSha256: sha256(certificate.subjectPublicKeyInfo.der),
    der: base64(certificate.der),
    chain: above.map(({ der }) => base64(der)),
  };
}

/** The CRL as it was published: what relying parties get. */
async function reportCrl(
  { dependencies }: AuthorityContext,
  { record, chain }: LoadedIssuer,
  report: Report,
): Promise<void> {
  const der = await dependencies.publisher.read(crlPath(record.issuerId, 0));
  if (der === undefined || der.length > largestEmbedded) {
    throw new ChanceryError('internal', {
      message: `the CRL of ${record.name} is ${der === undefined ? 'not published' : 'too large for a transcript'}`,
    });
  }
  report({
    what: 'crl',
    name: record.name,
    sha256: sha256(der),
    tbsSha256: sha256(parseCertificateList(der).tbsDer),
    der: base64(der),
    chain: chain.map((certificate) => base64(certificate.der)),
  });
}

async function destroyKey(
  context: AuthorityContext,
  principal: Principal,
  keyId: string,
  { name, purpose, participants }: CeremonyDeclaration,
): Promise<MadeThing> {
  const { unitOfWork, tenant } = context.dependencies;
  const approvals = participants.witnesses.map(
    (witness) => `ceremony ${name}, witness ${witness.name}`,
  );
  const { key } = await keyDestruction(context).useCases.destroyKey(principal, {
    key: keyId,
    reason: purpose,
    approvals,
  });
  const [evidence] = await unitOfWork.read(async (transaction) =>
    transaction.evidence.list(tenant, { kind: 'key.destruction', subject: keyId, limit: 1 }),
  );
  // As it will be read again: dates and octets are text in a transcript.
  const record = JSON.parse(
    canonicalize({
      keyId,
      spkiSha256: sha256(key.subjectPublicKeyInfo),
      privateState: key.privateState,
      publicState: key.publicState,
      seen: evidence?.document ?? null,
    }),
  ) as Record<string, unknown>;
  return { what: 'destruction', name: key.label, sha256: sha256(canonicalize(record)), record };
}

function plannedName(plan: CeremonyPlan): string {
  const thing = plan.makes.find(({ make }) => make === 'certificate');
  return thing?.make === 'certificate' ? thing.name : plan.ceremony.name;
}

/** @throws ChanceryError policyViolation: what was made stays, named, and must be looked at */
function requirePlanned(plan: CeremonyPlan, certificate: Certificate): void {
  const thing = plan.makes.find(({ make }) => make === 'certificate');
  const differences =
    thing?.make === 'certificate' ? differsFromPlan(thing.fields, certificate) : ['not planned'];
  if (differences.length > 0) {
    throw new ChanceryError('policyViolation', {
      message: `certificate ${certificate.serialNumber} is not what was planned (${differences.join('; ')}); look at it and revoke it`,
    });
  }
}

function base64(octets: Uint8Array): string {
  return Buffer.from(octets).toString('base64');
}
