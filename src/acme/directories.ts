import { type Handler, link, type PublicContext } from './context.ts';
import type { DirectoryPolicy } from './ports.ts';

/** The directory object (RFC 8555 §7.1.1, RFC 9773 §4, draft-ietf-acme-profiles §3). */
export const showDirectory: Handler<PublicContext> = async ({ policy, urls }) => ({
  status: 200,
  body: {
    newNonce: urls.newNonce,
    newAccount: urls.newAccount,
    newOrder: urls.newOrder,
    newAuthz: urls.newAuthorization,
    revokeCert: urls.revokeCertificate,
    keyChange: urls.keyChange,
    renewalInfo: urls.renewalInfo,
    meta: {
      termsOfService: policy.termsOfService,
      website: policy.website,
      externalAccountRequired: policy.externalAccount !== 'none',
      profiles: Object.fromEntries(policy.profiles),
    },
  },
});

/** A nonce and nothing else: 200 for HEAD, 204 for GET (RFC 8555 §7.2). */
export function freshNonce(status: 200 | 204): Handler<PublicContext> {
  return async ({ makeNonce }) => ({ status, headers: { 'replay-nonce': makeNonce() } });
}

/** Where the terms stand, as the answers that want them agreed to link them (RFC 8555 §7.3.3). */
export function termsLink({ termsOfService }: DirectoryPolicy): readonly string[] {
  return termsOfService === undefined ? [] : [link(termsOfService, 'terms-of-service')];
}
