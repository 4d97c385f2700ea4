import type { OcspLint } from '../ocsp-subject.ts';
import { ocspAnswersRequest } from './ocsp-answers-request.ts';
import { ocspArchiveCutoff } from './ocsp-archive-cutoff.ts';
import { ocspCertIdIssuer } from './ocsp-cert-id-issuer.ts';
import { ocspCertIdSerialNumber } from './ocsp-cert-id-serial-number.ts';
import { ocspDelegate } from './ocsp-delegate.ts';
import { ocspDelegateValidity } from './ocsp-delegate-validity.ts';
import { ocspDerCanonical } from './ocsp-der-canonical.ts';
import { ocspExtendedRevoke } from './ocsp-extended-revoke.ts';
import { ocspExtensionCriticality } from './ocsp-extension-criticality.ts';
import { ocspExtensionPlace } from './ocsp-extension-place.ts';
import { ocspInvalidityDate } from './ocsp-invalidity-date.ts';
import { ocspNextUpdate } from './ocsp-next-update.ts';
import { ocspNonce } from './ocsp-nonce.ts';
import { ocspReasonCode } from './ocsp-reason-code.ts';
import { ocspResponderId } from './ocsp-responder-id.ts';
import { ocspResponsesNotEmpty } from './ocsp-responses-not-empty.ts';
import { ocspStructure } from './ocsp-structure.ts';
import { ocspTimeEncoding } from './ocsp-time-encoding.ts';
import { ocspTimesInOrder } from './ocsp-times-in-order.ts';

/** Every lint over a ResponseData. `gates` run first and alone; `backstops` last, when nothing else failed. */
export const ocspLints: {
  readonly gates: readonly OcspLint[];
  readonly lints: readonly OcspLint[];
  readonly backstops: readonly OcspLint[];
} = {
  gates: [ocspStructure, ocspDerCanonical, ocspTimeEncoding],
  lints: [
    ocspAnswersRequest,
    ocspArchiveCutoff,
    ocspCertIdIssuer,
    ocspCertIdSerialNumber,
    ocspDelegate,
    ocspDelegateValidity,
    ocspExtendedRevoke,
    ocspExtensionCriticality,
    ocspExtensionPlace,
    ocspInvalidityDate,
    ocspNextUpdate,
    ocspNonce,
    ocspReasonCode,
    ocspResponderId,
    ocspResponsesNotEmpty,
    ocspTimesInOrder,
  ],
  backstops: [],
};
