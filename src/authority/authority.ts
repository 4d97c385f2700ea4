import type { Permission, Principal } from '../domain/index.ts';
import { type Act, act } from './acts.ts';
import { authenticationUseCases } from './authentication.ts';
import { boundKeys } from './bound-keys.ts';
import { bulkJobUseCases } from './bulk-jobs.ts';
import { bulkRun } from './bulk-run.ts';
import { ceremonyUseCases } from './ceremony/index.ts';
import { type IssueRequest, issueCertificate } from './certificates.ts';
import { clockCheck } from './clock-check.ts';
import { type AuthorityContext, boundedIssuance } from './context.ts';
import { crlPublication } from './crl-publication.ts';
import { crlUseCases } from './crls.ts';
import { crossCertificationUseCases } from './cross-certification.ts';
import type { AuthorityDependencies } from './dependencies.ts';
import { distributionUseCases } from './distribution.ts';
import { enrolmentUseCases } from './enrolment.ts';
import { evidenceUseCases } from './evidence.ts';
import { exportUseCases } from './export.ts';
import { importUseCases } from './imports.ts';
import { incidentUseCases } from './incidents.ts';
import { installationGuard } from './installation.ts';
import { inventoryUseCases } from './inventory.ts';
import type { IssuedCertificate } from './issuance-core.ts';
import { issuerPolicyUseCases } from './issuer-policy.ts';
import { issuerStanding } from './issuer-standing.ts';
import { issuerUseCases } from './issuers.ts';
import { keyActUseCases } from './key-acts.ts';
import { keyCustodyUseCases } from './key-custody.ts';
import { keyDestruction } from './key-destruction.ts';
import { keyGenerationUseCases } from './key-generation.ts';
import { keyReadingUseCases } from './key-reading.ts';
import { keyReconciliation } from './key-reconciliation.ts';
import { keyUpkeep } from './key-upkeep.ts';
import { keyWarnings } from './key-warnings.ts';
import { loadedIssuers } from './loaded-issuers.ts';
import { requirePresent } from './presence.ts';
import { principalUseCases } from './principals.ts';
import { profileUseCases } from './profiles.ts';
import { purgeUseCases } from './purge.ts';
import { type RenewRequest, renewCertificate } from './renewal.ts';
import { reportUseCases } from './reports.ts';
import { responderKeyUseCases } from './responder-keys.ts';
import { responderUseCases } from './responders.ts';
import { rolloverUseCases } from './rollover.ts';
import { rolloverActivation } from './rollover-activation.ts';
import { rolloverRetirement } from './rollover-retirement.ts';
import { schedule } from './schedule.ts';
import { recordIssuingSelfTestKey } from './self-test-keys.ts';
import { serverCertificateUseCases } from './server-certificate.ts';
import { statusUseCases } from './status-acts.ts';
import { unauthenticatedUseCases } from './unauthenticated.ts';

/** Composes the use cases over their dependencies. Pure wiring: nothing is read or started yet. */
export function createAuthority(dependencies: AuthorityDependencies) {
  const issuers = loadedIssuers(
    dependencies.unitOfWork,
    dependencies.tenant,
    dependencies.settings.defaultIssuer,
  );
  const guard = installationGuard(dependencies);
  const clockWitness = clockCheck(dependencies);
  const requireSound = async (): Promise<void> => {
    guard.require();
    await clockWitness.require();
  };
  const crls = crlPublication(dependencies, issuers, requireSound);
  const standing = issuerStanding(dependencies);
  const keys = boundKeys(dependencies);
  const context: AuthorityContext = {
    dependencies,
    issuers,
    crls,
    standing,
    keys,
    requireSound,
    issue: boundedIssuance(
      dependencies,
      standing,
      async () => {
        await clockWitness.require();
        return guard.serialPrefix();
      },
      async ({ issuer }) => {
        const { absentTokens = [] } = dependencies.settings;
        if (absentTokens.length === 0) return;
        const { record } = await issuers.byNameOrId(issuer.input.issuerId);
        requirePresent(dependencies.settings, record);
      },
    ),
  };
  const status = statusUseCases(context);
  const warnings = keyWarnings(dependencies);
  const destructions = keyDestruction(context);
  const reconciliation = keyReconciliation(context, destructions);
  const keyCare = keyUpkeep(context, warnings, destructions, reconciliation);
  const issuerActs = issuerUseCases(context);
  const policyActs = issuerPolicyUseCases(context);
  const activation = rolloverActivation(context);
  const rollovers = rolloverUseCases(context, activation, { ...issuerActs, ...policyActs });
  const crossing = crossCertificationUseCases(context);
  const distribution = distributionUseCases(context);
  const reports = reportUseCases(context, async () =>
    (await distribution.trustBundle('default')).anchors.map((anchor) => anchor.sha256),
  );
  return {
    /** The door's own check of a permission, before a use case is called: a refusal is audited. @throws ChanceryError forbidden */
    authorize: async (
      principal: Principal,
      permission: Permission,
      described: Act,
    ): Promise<void> => act(dependencies, principal, permission, described, async () => undefined),
    issueCertificate: async (
      principal: Principal,
      request: IssueRequest,
    ): Promise<IssuedCertificate> => issueCertificate(context, principal, request),
    renewCertificate: async (
      principal: Principal,
      request: RenewRequest,
    ): Promise<IssuedCertificate> => renewCertificate(context, principal, request, 'renew'),
    rekeyCertificate: async (
      principal: Principal,
      request: RenewRequest,
    ): Promise<IssuedCertificate> => renewCertificate(context, principal, request, 'rekey'),
    ...enrolmentUseCases(context),
    ...status,
    ...inventoryUseCases(context),
    ...bulkJobUseCases(context),
    ...bulkRun(context, guard, clockWitness),
    ...incidentUseCases(context),
    ...exportUseCases(context),
    ...purgeUseCases(context),
    ...importUseCases(context),
    ...issuerActs,
    ...rollovers,
    ...crossing,
    ...crlUseCases(context),
    ...policyActs,
    ...responderUseCases(context),
    ...responderKeyUseCases(context),
    ...ceremonyUseCases(context, {
      ...issuerActs,
      ...destructions.useCases,
      ...rollovers,
      ...crossing,
    }),
    ...principalUseCases(context),
    ...authenticationUseCases(context),
    ...unauthenticatedUseCases(context),
    ...profileUseCases(context),
    ...distribution,
    ...evidenceUseCases(context),
    ...reports,
    ...serverCertificateUseCases(context),
    /** Tells this node's signer processes of every key that changed, by whichever node; every second. @throws ChanceryError tokenUnavailable, keyBlocked */
    refreshKeys: keys.refresh,
    recordSelfTestKeys: async (): Promise<void> => recordIssuingSelfTestKey(dependencies),
    /** That, and what this node's signers have counted, and its warnings; every second. */
    keepKeys: keyCare.keep,
    ...keyActUseCases(context),
    ...keyGenerationUseCases(context),
    ...keyCustodyUseCases(context),
    ...keyReadingUseCases(context, warnings),
    ...destructions.useCases,
    ...reconciliation.useCases,
    ...schedule(
      context,
      guard,
      clockWitness,
      status.endDueHolds,
      keyCare.turn,
      [activation.turn, rolloverRetirement(context).turn],
      reports.reportTurn,
    ),
  };
}

export type Authority = ReturnType<typeof createAuthority>;
