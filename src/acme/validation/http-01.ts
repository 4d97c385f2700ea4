import { isIPv6 } from 'node:net';
import type { Identifier } from '../ports.ts';
import { ValidationFailure } from './failure.ts';
import { checkHostName } from './host.ts';
import { type HttpAnswer, httpGet, portOf } from './http-get.ts';
import type { Attempt } from './settings.ts';

const maximumRedirects = 10;
const maximumUrlLength = 2000;
const redirectStatuses = [301, 302, 303, 307, 308];

/**
 * Validates http-01 (RFC 8555 §8.3; of addresses RFC 8738 §3): GETs the well-known path at the
 * identifier and compares the body, white space at its end apart. Returns the address that answered
 * the first request.
 */
export async function validateHttp01(
  identifier: Identifier,
  token: string,
  keyAuthorization: string,
  attempt: Attempt,
): Promise<string> {
  if (identifier.type === 'dns') checkHostName(identifier.value);
  const { http01Port } = attempt.settings;
  const host = isIPv6(identifier.value) ? `[${identifier.value}]` : identifier.value;
  let url = new URL(`http://${host}:${http01Port}/.well-known/acme-challenge/${token}`);
  const seen = new Set<string>();
  let first: string | undefined;
  for (;;) {
    seen.add(url.href);
    const answer = await httpGet(url, hostHeader(url, http01Port), attempt);
    first ??= answer.address;
    if (!redirectStatuses.includes(answer.status)) {
      check(answer, keyAuthorization);
      return first;
    }
    url = redirectTarget(url, answer, attempt);
    if (seen.has(url.href)) {
      throw redirectRefused(answer, 'the redirects lead in a circle');
    }
    if (seen.size > maximumRedirects) {
      throw redirectRefused(
        answer,
        `it is redirect ${seen.size}, and ${maximumRedirects} are followed`,
      );
    }
  }
}

/** The name alone for the challenge's own port: in a trial another port stands for 80. */
function hostHeader(url: URL, http01Port: number): string {
  return url.protocol === 'http:' && portOf(url) === http01Port ? url.hostname : url.host;
}

function check({ status, body, where }: HttpAnswer, keyAuthorization: string): void {
  if (status !== 200) {
    throw new ValidationFailure(
      'incorrectResponse',
      `${where} answered ${status}; it must answer 200 with the key authorization`,
    );
  }
  if (body.toString('latin1').replace(/[ \t\r\n\f\v]+$/, '') !== keyAuthorization) {
    throw new ValidationFailure(
      'incorrectResponse',
      `the ${body.length} octets that ${where} sent are not the key authorization of this challenge and account key`,
    );
  }
}

/** Where a redirect leads, when validation may follow it (RFC 8555 §10.4). */
function redirectTarget(from: URL, answer: HttpAnswer, { settings }: Attempt): URL {
  const { location } = answer;
  if (location === undefined) throw redirectRefused(answer, 'it names no Location');
  const target = location.length > maximumUrlLength ? null : URL.parse(location, from.href);
  if (target === null || target.href.length > maximumUrlLength) {
    throw redirectRefused(
      answer,
      `its Location is no URL, or one of more than ${maximumUrlLength} characters`,
    );
  }
  if (target.protocol !== 'http:' && target.protocol !== 'https:') {
    throw redirectRefused(answer, 'its scheme is neither http nor https');
  }
  if (target.username !== '' || target.password !== '') {
    throw redirectRefused(answer, 'its Location has a user name or password');
  }
  const ports = [80, 443, settings.http01Port, settings.tlsAlpn01Port];
  if (!ports.includes(portOf(target))) {
    throw redirectRefused(
      answer,
      `port ${portOf(target)} is none of ${[...new Set(ports)].join(', ')}`,
    );
  }
  target.hash = '';
  return target;
}

function redirectRefused({ status, where }: HttpAnswer, why: string): ValidationFailure {
  return new ValidationFailure(
    'incorrectResponse',
    `the redirect (${status}) of ${where} is not followed: ${why}`,
    false,
  );
}
