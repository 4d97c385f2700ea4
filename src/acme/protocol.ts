import { listOrders, showAccount } from './accounts.ts';
import { newAuthorization, showAuthorization } from './authorizations.ts';
import { downloadCertificate } from './certificates.ts';
import { answerChallenge } from './challenges.ts';
import type { AccountContext, Handler, PublicContext, SignedContext } from './context.ts';
import { freshNonce, showDirectory } from './directories.ts';
import { finalizeOrder } from './finalize.ts';
import { changeKey } from './key-change.ts';
import { newOrder } from './new-order.ts';
import { showOrder } from './orders.ts';
import { registerAccount } from './registration.ts';
import { showRenewalInformation } from './renewal-information.ts';
import { revokeCertificate } from './revocation.ts';

/**
 * What the payload may be: `nothing` (POST-as-GET, RFC 8555 §6.3), a JSON `object`, or `either`,
 * where the handler tells them apart.
 */
export type PayloadKind = 'nothing' | 'object' | 'either';

interface RouteBase {
  /** Below `/acme/{directory}/`; `{name}` is one segment. */
  readonly path: string;
  readonly clause: string;
}

/** Who must have signed, and thereby what the handler is given. */
export type ProtocolRoute = RouteBase &
  (
    | {
        readonly method: 'GET' | 'HEAD';
        readonly signedBy: 'nobody';
        readonly handler: Handler<PublicContext>;
      }
    | {
        readonly method: 'POST';
        /** `key`: the `jwk` in the JWS. `either`: an account by `kid`, or a `jwk` (RFC 8555 §7.6). */
        readonly signedBy: 'key' | 'either';
        readonly payload: PayloadKind;
        readonly handler: Handler<SignedContext>;
      }
    | {
        readonly method: 'POST';
        /** A valid account of this directory, named by `kid`. */
        readonly signedBy: 'account';
        readonly payload: PayloadKind;
        readonly handler: Handler;
      }
  );

/**
 * The protocol, line by line against RFC 8555 and RFC 9773. What is in no line is answered 404, and
 * another method than the lines of a path have, 405. HEAD goes where GET does unless it has a line.
 */
export const protocolRoutes: readonly ProtocolRoute[] = [
  get('directory', showDirectory, 'RFC 8555 §7.1.1'),
  account('directory', 'nothing', showDirectory, 'RFC 8555 §6.3'),
  head('new-nonce', freshNonce(200), 'RFC 8555 §7.2'),
  get('new-nonce', freshNonce(204), 'RFC 8555 §7.2'),
  account('new-nonce', 'nothing', freshNonce(204), 'RFC 8555 §6.3'),
  key('new-account', 'object', registerAccount, 'RFC 8555 §7.3'),
  account('account/{accountId}', 'either', showAccount, 'RFC 8555 §7.3.2'),
  account('account/{accountId}/orders', 'nothing', listOrders, 'RFC 8555 §7.1.2.1'),
  account('key-change', 'object', changeKey, 'RFC 8555 §7.3.5'),
  account('new-order', 'object', newOrder, 'RFC 8555 §7.4'),
  account('new-authz', 'object', newAuthorization, 'RFC 8555 §7.4.1'),
  account('order/{orderId}', 'nothing', showOrder, 'RFC 8555 §7.4'),
  account('order/{orderId}/finalize', 'object', finalizeOrder, 'RFC 8555 §7.4'),
  account('authorization/{authorizationId}', 'either', showAuthorization, 'RFC 8555 §7.5'),
  account('challenge/{authorizationId}/{type}', 'either', answerChallenge, 'RFC 8555 §7.5.1'),
  account('certificate/{orderId}', 'nothing', downloadCertificate, 'RFC 8555 §7.4.2'),
  account('certificate/{orderId}/{alternate}', 'nothing', downloadCertificate, 'RFC 8555 §7.4.2'),
  either('revoke-cert', 'object', revokeCertificate, 'RFC 8555 §7.6'),
  get('renewal-info/{certId}', showRenewalInformation, 'RFC 9773 §4.1'),
];

function get(path: string, handler: Handler<PublicContext>, clause: string): ProtocolRoute {
  return { method: 'GET', path, signedBy: 'nobody', handler, clause };
}

function head(path: string, handler: Handler<PublicContext>, clause: string): ProtocolRoute {
  return { method: 'HEAD', path, signedBy: 'nobody', handler, clause };
}

function key(
  path: string,
  payload: PayloadKind,
  handler: Handler<SignedContext>,
  clause: string,
): ProtocolRoute {
  return { method: 'POST', path, signedBy: 'key', payload, handler, clause };
}

function account(
  path: string,
  payload: PayloadKind,
  handler: Handler<AccountContext>,
  clause: string,
): ProtocolRoute {
  return { method: 'POST', path, signedBy: 'account', payload, handler, clause };
}

function either(
  path: string,
  payload: PayloadKind,
  handler: Handler<SignedContext>,
  clause: string,
): ProtocolRoute {
  return { method: 'POST', path, signedBy: 'either', payload, handler, clause };
}
