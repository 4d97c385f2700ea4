/**
 * States of an issuance, apart from the certificate's status: the intent is committed
 * before the signature; a `prepared` row is never signed again after a crash.
 */
export type IssuanceState = 'prepared' | 'issued' | 'abandoned';

/** The legal transitions, as data. */
export const issuanceTransitions: Readonly<Record<IssuanceState, readonly IssuanceState[]>> = {
  prepared: ['issued', 'abandoned'],
  issued: [],
  abandoned: [],
};
