import type { ReasonCode, SerialNumber } from '../domain/index.ts';
import type { CrlEntry } from '../issuance/ports.ts';
import { given } from './certificate-rows.ts';

/** Entries of one page of `crlEntries`: two milliseconds of work, much more than a round trip. */
export const crlPage = 2000;

/** The serial number of a page's last entry: the next begins behind it. */
export function lastSerialNumber(page: string): SerialNumber {
  const start = page.lastIndexOf(',') + 1;
  return page.slice(start, page.indexOf('.', start));
}

/** A page of the statement `crlEntries`. */
export function crlEntriesOf(page: string): CrlEntry[] {
  return page.split(',').map((entry) => {
    const [serialNumber = '', since, reasonCode, invalidity = ''] = entry.split('.');
    return {
      serialNumber,
      revocationDate: new Date(Number(since) * 1000),
      reasonCode: reasonCode as ReasonCode,
      ...(invalidity === '' ? {} : { invalidityDate: new Date(Number(invalidity) * 1000) }),
    };
  });
}

/** An entry from the columns of `selectDeltaEntries`. */
export function crlEntryOf(row: readonly unknown[]): CrlEntry {
  const [serialNumber, revocationDate, reasonCode, invalidityDate] = row;
  return {
    serialNumber: serialNumber as string,
    revocationDate: new Date((revocationDate as number) * 1000),
    ...given('reasonCode', (reasonCode ?? undefined) as ReasonCode | undefined),
    ...given(
      'invalidityDate',
      invalidityDate === null ? undefined : new Date((invalidityDate as number) * 1000),
    ),
  };
}
