import { ChanceryError } from '../src/domain/index.ts';

/** Longest GET request target that is decoded; a request for one certificate needs about 150 octets. */
export const maxRequestPathLength = 4096;

/**
 * DER of the OCSPRequest in a GET request's raw target: `{url}/{url-encoding of base-64 encoding
 * of the DER}` (RFC 6960 A.1).
 *
 * Clients and proxies disagree on what they escape, so this takes `+`, `/` and `=` escaped or not,
 * `//` in the middle (base64 of real requests has it), `+` that became a blank, missing padding,
 * and line feeds of a MIME encoder. Not tolerated: base64url, a query, a path before the request,
 * and slashes that a proxy has merged: that octet is gone, and guessing it would answer for
 * another serial number.
 *
 * @param target as it stands in the request line, not normalised by any router
 * @throws ChanceryError `malformed`
 */
export function decodeRequestPath(target: string): Uint8Array {
  if (target.length > maxRequestPathLength) {
    throw malformedPath(`is longer than ${maxRequestPathLength} octets; use POST`);
  }
  // The absolute form of a request target (RFC 9112 §3.2.2). Base64 of a SEQUENCE begins with `M`,
  // so every leading slash belongs to the path.
  let text = target.replace(/^https?:\/\/[^/]*/i, '').replace(/^\/+/, '');
  if (text.includes('%')) {
    try {
      text = decodeURIComponent(text);
    } catch {
      throw malformedPath('has a broken percent-escape');
    }
  }
  text = text
    .replace(/[\r\n]/g, '')
    .replace(/ /g, '+')
    .replace(/={1,2}$/, '');
  if (!/^[A-Za-z0-9+/]+$/.test(text) || text.length % 4 === 1) {
    throw malformedPath('is not base64 of an OCSPRequest');
  }
  return Buffer.from(text, 'base64');
}

function malformedPath(what: string): ChanceryError {
  return new ChanceryError('malformed', {
    message: `the path of the GET request ${what}`,
    clause: 'RFC 6960 A.1',
  });
}
