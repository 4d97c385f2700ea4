import { AcmeProblem } from './problem.ts';

const most = 10;
const longest = 320;

/** RFC 6068 with one address and no header fields, as RFC 8555 §7.3 wants it; the domain may be one label. */
const mailto =
  /^mailto:[\w!#$%&'*+/=^`{|}~.-]{1,64}@[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/i;

/**
 * The `contact` of an account: mailto URLs only, since nothing else would be used.
 *
 * @throws AcmeProblem `malformed`, `unsupportedContact` or `invalidContact` (RFC 8555 §7.3).
 */
export function parseContacts(value: unknown): readonly string[] {
  if (value === undefined) return [];
  if (!Array.isArray(value) || !value.every((one) => typeof one === 'string')) {
    throw new AcmeProblem('malformed', { detail: 'contact is no array of URLs' });
  }
  if (value.length > most) {
    throw new AcmeProblem('invalidContact', {
      detail: `contact has ${value.length} URLs, and no more than ${most} are kept`,
    });
  }
  for (const url of value) refuseUnfit(url);
  return value;
}

function refuseUnfit(url: string): void {
  const shown = JSON.stringify(url.slice(0, 100));
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase();
  if (scheme === undefined) {
    throw new AcmeProblem('invalidContact', {
      detail: `the contact ${shown} is no URL; write mailto:name@example.org`,
    });
  }
  if (scheme !== 'mailto') {
    throw new AcmeProblem('unsupportedContact', {
      detail: `the contact ${shown} is no mailto URL, and no other scheme is supported`,
    });
  }
  if (url.length > longest || !mailto.test(url)) {
    throw new AcmeProblem('invalidContact', {
      detail: `the contact ${shown} is not one mail address; write mailto:name@example.org, without header fields and without a second address`,
    });
  }
}
