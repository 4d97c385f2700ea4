import { canonicalize } from '../../audit/index.ts';
import { ChanceryError, type Principal } from '../../domain/index.ts';
import { type Certificate, parseCertificate, parseCertificateList } from '../../pkix/index.ts';
import type { AuthorityContext } from '../context.ts';
import type { crossCertificationUseCases } from '../cross-certification.ts';
import type { IssuerUseCases } from '../issuers.ts';
import type { KeyDestructions } from '../key-destruction.ts';
import type { LoadedIssuer } from '../loaded-issuers.ts';
import { sha256 } from '../octets.ts';
import type { IssuerRecord } from '../ports.ts';
import { crlPath } from '../published-paths.ts';
import type { rolloverUseCases } from '../rollover.ts';
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

/** The use cases of every day that ceremonies go through. */
export type CeremonyActs = Pick<IssuerUseCases, 'createIssuer'> &
  Pick<KeyDestructions['useCases'], 'destroyKey'> &
  Pick<ReturnType<typeof rolloverUseCases>, 'prepareRollover' | 'activateIssuer'> &
  Pick<ReturnType<typeof crossCertificationUseCases>, 'linkIssuer'>;

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
  acts: CeremonyActs,
  principal: Principal,
  { declaration }: CeremonyFile,
  plan: CeremonyPlan,
  material: CeremonyMaterial,
  report: Report,
): Promise<void> {
  switch (declaration.ceremony) {
    case 'root':
      return makeRoot(context, acts, principal, declaration, plan, report);
    case 'rollover':
      return rollOver(context, acts, principal, declaration, plan, report);
    case 'intermediate':
      return declaration.issuer === undefined
        ? certify(context, principal, declaration, plan, material, report)
        : makeSubordinate(
            context,
            acts,
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
        report(await destroyKey(context, acts, principal, keyId, declaration));
      }
      return;
    default:
      return declaration satisfies never;
  }
}

async function makeRoot(
  context: AuthorityContext,
  acts: CeremonyActs,
  principal: Principal,
  { issuer, crl }: Extract<CeremonyDeclaration, { ceremony: 'root' }>,
  plan: CeremonyPlan,
  report: Report,
): Promise<void> {
  const record = await acts.createIssuer(principal, {
    ...requestOf(issuer),
    kind: 'root',
    crlLifetimeSeconds: crl.days * 86_400,
  });
  await reportIssuer(context, record, plan, report);
  await reportCrl(context, await context.issuers.byNameOrId(record.issuerId), report);
}

/** The next root, prepared; or, in another ceremony, its beginning with the token at hand. */
async function rollOver(
  context: AuthorityContext,
  acts: CeremonyActs,
  principal: Principal,
  declaration: Extract<CeremonyDeclaration, { ceremony: 'rollover' }>,
  plan: CeremonyPlan,
  report: Report,
): Promise<void> {
  const { by, issuer, activate, crl, purpose } = declaration;
  const change = { reason: purpose, approvals: approvalsOf(declaration) };
  if (issuer !== undefined) {
    const { profile: _profile, ...request } = requestOf(issuer);
    const record = await acts.prepareRollover(principal, by.issuer, { ...request, ...change });
    return reportIssuer(context, record, plan, report);
  }
  const name = activate?.issuer ?? '';
  await acts.activateIssuer(principal, name, change);
  const next = await context.issuers.byNameOrId(name);
  await context.crls.publish(next, principal, (crl?.days ?? 0) * 86_400);
  await reportCrl(context, next, report);
  if (activate?.links === true) {
    for (const link of await acts.linkIssuer(principal, name)) {
      const certificate = parseCertificate(link.certificate);
      report(madeCertificate(`link ${link.kind}`, certificate, link.chain.map(parseCertificate)));
    }
  }
}

function approvalsOf({ name, participants }: CeremonyDeclaration): readonly string[] {
  return participants.witnesses.map((witness) => `ceremony ${name}, witness ${witness.name}`);
}

async function makeSubordinate(
  context: AuthorityContext,
  acts: CeremonyActs,
  principal: Principal,
  issuer: NewIssuerDeclaration,
  parent: string,
  plan: CeremonyPlan,
  report: Report,
): Promise<void> {
  const record = await acts.createIssuer(principal, {
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
  acts: CeremonyActs,
  principal: Principal,
  keyId: string,
  declaration: CeremonyDeclaration,
): Promise<MadeThing> {
  const { unitOfWork, tenant } = context.dependencies;
  const { purpose } = declaration;
  const approvals = approvalsOf(declaration);
  const { key } = await acts.destroyKey(principal, {
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
