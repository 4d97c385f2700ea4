import { z } from 'zod';
import { csvRecord } from '../csv.ts';
import { type CertificateJson, certificateJson } from '../representation.ts';
import type { Route } from '../route.ts';
import { route } from '../route.ts';
import { searchFilters, searchOf } from '../search-query.ts';

const mediaTypes = {
  csv: 'text/csv; charset=utf-8; header=present',
  jsonl: 'application/jsonl; charset=utf-8',
} as const;

/** Columns of the CSV: members of a certificate's JSON; lists are joined by a semicolon and a blank. */
const columns: readonly (keyof CertificateJson)[] = [
  'serialNumber',
  'issuerId',
  'issuer',
  'subject',
  'names',
  'profile',
  'type',
  'status',
  'reasonCode',
  'revocationTime',
  'invalidityDate',
  'holdCause',
  'holdUntil',
  'holdThen',
  'issuanceState',
  'notBefore',
  'notAfter',
  'owner',
  'tags',
  'notes',
  'requestedBy',
  'requestedAt',
  'issuedAt',
  'keyAlgorithm',
  'signatureAlgorithm',
  'spkiHash',
  'sha256',
  'replaces',
  'profileHash',
];

/** The inventory as a stream. */
export const exportRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/certificates/export',
    access: 'certificates:read',
    summary: 'Everything that a search finds, in one snapshot, as CSV (RFC 4180) or JSON Lines',
    query: z.strictObject({ format: z.enum(['csv', 'jsonl']).default('jsonl'), ...searchFilters }),
    answer: { status: 200, mediaTypes: ['text/csv', 'application/jsonl'] },
    handle: async ({ authority, principal, query: { format, ...filters }, issuers, now }) => ({
      headers: {
        'content-type': mediaTypes[format],
        'content-disposition': `attachment; filename="certificates.${format}"`,
      },
      stream: async (write) => {
        // With the first rows: until then a refusal is still a problem.
        let heading = format === 'csv' ? csvRecord(columns) : '';
        await authority.exportCertificates(principal, searchOf(filters, now()), async (records) => {
          const rows = await Promise.all(records.map((row) => certificateJson(row, issuers)));
          const lines = rows.map(format === 'csv' ? csvRow : jsonLine);
          await write(heading + lines.join(''));
          heading = '';
        });
        if (heading !== '') await write(heading);
      },
    }),
  }),
];

function jsonLine(row: CertificateJson): string {
  return `${JSON.stringify(row)}\n`;
}

function csvRow(row: CertificateJson): string {
  return csvRecord(
    columns.map((column) => {
      const value = row[column];
      return value === undefined ? '' : typeof value === 'string' ? value : value.join('; ');
    }),
  );
}
