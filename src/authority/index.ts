/** The use cases of the CA. Every one takes a principal; acts and refusals are audited. */
import type { AuthorityDependencies } from './dependencies.ts';
import { boundedIssuance, type AuthorityContext } from './context.ts';
import { type IssueRequest, issueCertificate, type RenewRequest, renewCertificate } from './certificates.ts';
import { crlPublication } from './crl-publication.ts';
import { crlUseCases } from './crls.ts';
import { distributionUseCases } from './distribution.ts';
import { installationGuard } from './installation.ts';
import { inventoryUseCases } from './inventory.ts';
import type { IssuedCertificate } from './issuance-core.ts';
import { issuerUseCases } from './issuers.ts';
import { loadedIssuers } from './loaded-issuers.ts';
import { principalUseCases } from './principals.ts';
import { profileUseCases } from './profiles.ts';
import { responderUseCases } from './responders.ts';
import { schedule } from './schedule.ts';
import { serverCertificateUseCases } from './server-certificate.ts';
import { statusUseCases } from './status-acts.ts';
import type { Principal } from '../domain/index.ts';

/** Composes the use cases over their dependencies. Pure wiring: nothing is read or started yet. */
export function createAuthority(dependencies: AuthorityDependencies) {
  const issuers = loadedIssuers(
    dependencies.unitOfWork,
    dependencies.tenant,
    dependencies.settings.defaultIssuer,
  );
  const guard = installationGuard(dependencies);
  const crls = crlPublication(dependencies, issuers);
  const context: AuthorityContext = {
    dependencies,
    issuers,
    crls,
    issue: boundedIssuance(dependencies, guard.serialPrefix),
  };
  const status = statusUseCases(context);
  return {
    issueCertificate: async (principal: Principal, request: IssueRequest): Promise<IssuedCertificate> =>
      issueCertificate(context, principal, request),
    renewCertificate: async (principal: Principal, request: RenewRequest): Promise<IssuedCertificate> =>
      renewCertificate(context, principal, request, 'renew'),
    rekeyCertificate: async (principal: Principal, request: RenewRequest): Promise<IssuedCertificate> =>
      renewCertificate(context, principal, request, 'rekey'),
    ...status,
    ...inventoryUseCases(context),
    ...issuerUseCases(context),
    ...crlUseCases(context),
    ...responderUseCases(context),
    ...principalUseCases(context),
    ...profileUseCases(context),
    ...distributionUseCases(context),
    ...serverCertificateUseCases(context),
    ...schedule(context, guard, status.endDueHolds),
  };
}

export type Authority = ReturnType<typeof createAuthority>;

export { initialise, type InitialisedAuthority } from './initialisation.ts';
export { acceptRestore, type AcceptedRestore } from './installation.ts';
export type { AuthorityDependencies, AuthoritySettings, FailpointName } from './dependencies.ts';
export type { IssueRequest, RenewRequest } from './certificates.ts';
export type { CertificateSearch } from './inventory.ts';
export type { IssuedCertificate } from './issuance-core.ts';
export type { CreateIssuerRequest } from './issuers.ts';
export type { CreateCredentialRequest, CreatePrincipalRequest } from './principals.ts';
export type { HoldRequest, ReleaseRequest, Revocation, RevokeRequest } from './status-acts.ts';
export { bufferedRandom } from './serial-numbers.ts';
export type { PublishedFile } from './distribution.ts';
