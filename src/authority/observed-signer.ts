import type { Signer, SigningToken } from '../issuance/ports.ts';

/** A Signer for one act, and what the act's audit record says of it. */
export interface ObservedSigner {
  readonly signer: Signer;
  /** For `details`: empty before a signature was made. */
  facts(): { readonly token?: SigningToken };
}

/** Watches which token signs: of two with the same keys, the record names the one that did. */
export function observedSigner(signer: Signer): ObservedSigner {
  let token: SigningToken | undefined;
  const signedBy = ({ label, serialNumber }: SigningToken): void => {
    token = { label, serialNumber };
  };
  return {
    signer: {
      sign: async (request) => signer.sign(request, signedBy),
      signStream: async (request) => signer.signStream(request, signedBy),
    },
    facts: () => (token === undefined ? {} : { token }),
  };
}
