import type { CrlLint } from '../crl-subject.ts';
import { crlAuthorityKeyIdentifier } from './crl-authority-key-identifier.ts';
import { crlDefaultValuesOmitted } from './crl-default-values-omitted.ts';
import { crlDeltaIndicator } from './crl-delta-indicator.ts';
import { crlDerCanonical } from './crl-der-canonical.ts';
import { crlEntryCertificateIssuer } from './crl-entry-certificate-issuer.ts';
import { crlEntryExtensionCriticality } from './crl-entry-extension-criticality.ts';
import { crlEntryExtensionKnown } from './crl-entry-extension-known.ts';
import { crlEntryExtensionUnique } from './crl-entry-extension-unique.ts';
import { crlEntryExtensionsNotEmpty } from './crl-entry-extensions-not-empty.ts';
import { crlEntryInvalidityDate } from './crl-entry-invalidity-date.ts';
import { crlEntryReasonCode } from './crl-entry-reason-code.ts';
import { crlEntryRemoveFromCrl } from './crl-entry-remove-from-crl.ts';
import { crlEntryRevocationDateEncoding } from './crl-entry-revocation-date-encoding.ts';
import { crlEntryRevocationDateNotFuture } from './crl-entry-revocation-date-not-future.ts';
import { crlEntrySerialNumber } from './crl-entry-serial-number.ts';
import { crlEntryUnique } from './crl-entry-unique.ts';
import { crlExpiredCerts } from './crl-expired-certs.ts';
import { crlExtensionCriticality } from './crl-extension-criticality.ts';
import { crlExtensionUnique } from './crl-extension-unique.ts';
import { crlExtensionsNotEmpty } from './crl-extensions-not-empty.ts';
import { crlFreshest } from './crl-freshest.ts';
import { crlIssuerEqualsIssuerSubject } from './crl-issuer-equals-issuer-subject.ts';
import { crlIssuingDistributionPointMatches } from './crl-issuing-distribution-point-matches.ts';
import { crlIssuingDistributionPointPresent } from './crl-issuing-distribution-point-present.ts';
import { crlNextUpdate } from './crl-next-update.ts';
import { crlNumber } from './crl-number.ts';
import { crlNumberIncreases } from './crl-number-increases.ts';
import { crlRevokedCertificatesNotEmpty } from './crl-revoked-certificates-not-empty.ts';
import { crlScope } from './crl-scope.ts';
import { crlSignatureAlgorithm } from './crl-signature-algorithm.ts';
import { crlSigner } from './crl-signer.ts';
import { crlStrictParse } from './crl-strict-parse.ts';
import { crlStructure } from './crl-structure.ts';
import { crlThisUpdateNotFuture } from './crl-this-update-not-future.ts';
import { crlUpdateEncoding } from './crl-update-encoding.ts';
import { crlVersionV2 } from './crl-version-v2.ts';

/** Every lint over a TBSCertList. `gates` run first and alone; `backstops` last, when nothing else failed. */
export const crlLints: {
  readonly gates: readonly CrlLint[];
  readonly lints: readonly CrlLint[];
  readonly backstops: readonly CrlLint[];
} = {
  gates: [crlStructure, crlDerCanonical],
  lints: [
    crlAuthorityKeyIdentifier,
    crlDefaultValuesOmitted,
    crlDeltaIndicator,
    crlEntryCertificateIssuer,
    crlEntryExtensionCriticality,
    crlEntryExtensionKnown,
    crlEntryExtensionUnique,
    crlEntryExtensionsNotEmpty,
    crlEntryInvalidityDate,
    crlEntryReasonCode,
    crlEntryRemoveFromCrl,
    crlEntryRevocationDateEncoding,
    crlEntryRevocationDateNotFuture,
    crlEntrySerialNumber,
    crlEntryUnique,
    crlExpiredCerts,
    crlExtensionCriticality,
    crlExtensionUnique,
    crlExtensionsNotEmpty,
    crlFreshest,
    crlIssuerEqualsIssuerSubject,
    crlIssuingDistributionPointMatches,
    crlIssuingDistributionPointPresent,
    crlNextUpdate,
    crlNumber,
    crlNumberIncreases,
    crlRevokedCertificatesNotEmpty,
    crlScope,
    crlSignatureAlgorithm,
    crlSigner,
    crlThisUpdateNotFuture,
    crlUpdateEncoding,
    crlVersionV2,
  ],
  backstops: [crlStrictParse],
};
