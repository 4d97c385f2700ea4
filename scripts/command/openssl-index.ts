import { CommandError } from './exit.ts';

/** What a line of `openssl ca`'s database says of a certificate. */
export interface IndexLine {
  readonly line: number;
  /** Lower-case hex without leading zeros. */
  readonly serialNumber: string;
  readonly subject: string;
  readonly notAfter: string;
  readonly revocation?:
    | { readonly at: string; readonly reasonCode: string; readonly invalidityDate?: string }
    | undefined;
}

/** openssl's words for reasons, and what they are in RFC 5280 §5.3.1. */
const reasons: Readonly<Record<string, string>> = {
  unspecified: 'unspecified',
  keycompromise: 'keyCompromise',
  cacompromise: 'cACompromise',
  affiliationchanged: 'affiliationChanged',
  superseded: 'superseded',
  cessationofoperation: 'cessationOfOperation',
  certificatehold: 'certificateHold',
  holdinstruction: 'certificateHold',
  privilegewithdrawn: 'privilegeWithdrawn',
  aacompromise: 'aACompromise',
  keytime: 'keyCompromise',
  cakeytime: 'cACompromise',
};

/**
 * Reads an index.txt: six fields between tabs: V, R or E; end of validity; date of revocation with
 * reason and more behind commas; serial number; file name (`unknown`); subject.
 *
 * @throws CommandError with the line that is none
 */
export function readIndex(text: string, fileName: string): readonly IndexLine[] {
  const lines: IndexLine[] = [];
  for (const [index, content] of text.split(/\r?\n/).entries()) {
    if (content.trim() === '') continue;
    const wrong = (what: string): CommandError =>
      new CommandError(`${fileName}:${index + 1}: ${what}; this is no index of openssl ca`);
    const [state = '', expiry = '', revoked = '', serial = '', , subject = ''] =
      content.split('\t');
    if (!/^[VRE]$/.test(state))
      throw wrong(`${JSON.stringify(state.slice(0, 20))} is none of V, R and E`);
    if (!/^[0-9A-Fa-f]{1,80}$/.test(serial)) throw wrong('its fourth field is no serial number');
    const notAfter = timeOf(expiry);
    if (notAfter === undefined) throw wrong('its second field is no time');
    const line = {
      line: index + 1,
      serialNumber: serial.toLowerCase().replace(/^0+/, ''),
      subject: rfc4514(subject),
      notAfter,
    };
    if (state !== 'R') {
      lines.push(line);
      continue;
    }
    const [date = '', word = 'unspecified', extra] = revoked.split(',');
    const at = timeOf(date);
    const reasonCode = reasons[word.toLowerCase()];
    if (at === undefined) throw wrong('its third field is no time of a revocation');
    // removeFromCRL: it was on hold and is good again.
    if (word.toLowerCase() === 'removefromcrl') {
      lines.push(line);
      continue;
    }
    if (reasonCode === undefined) throw wrong(`reason ${JSON.stringify(word)} is not known`);
    const invalidityDate = /time$/i.test(word) && extra !== undefined ? timeOf(extra) : undefined;
    lines.push({
      ...line,
      revocation: { at, reasonCode, ...(invalidityDate === undefined ? {} : { invalidityDate }) },
    });
  }
  return lines;
}

/** RFC 3339 of YYMMDDHHMMSSZ or YYYYMMDDHHMMSSZ; YY of 50 and above is 19YY (RFC 5280 §4.1.2.5.1). */
function timeOf(text: string): string | undefined {
  const match = /^(\d{2}|\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/.exec(text);
  if (match === null) return undefined;
  const [, year = '', month = '', day = '', hour = '', minute = '', second = ''] = match;
  const century = year.length === 4 ? '' : Number(year) >= 50 ? '19' : '20';
  const time = `${century}${year}-${month}-${day}T${hour}:${minute}:${second}Z`;
  return Number.isNaN(Date.parse(time)) ? undefined : time;
}

/** `/C=DE/O=x/CN=y` as `CN=y,O=x,C=DE` (RFC 4514 has the last attribute first). */
function rfc4514(subject: string): string {
  const parts = subject.split(/\/(?=[A-Za-z0-9.]+=)/).filter((part) => part !== '');
  return parts
    .map((part) => part.replace(/[,+"\\<>;]/g, '\\$&'))
    .reverse()
    .join(',');
}
