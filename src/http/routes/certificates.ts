import { z } from 'zod';
import type { IssuedCertificate } from '../../authority/index.ts';
import {
  certificatesToPem,
  certificationRequestFromText,
  namesFromText,
  subjectFromText,
} from '../../authority/index.ts';
import type { IssuerDirectory } from '../issuer-directory.ts';
import {
  certificateJson,
  certificateShape,
  issuedShape,
  listOf,
  plain,
  statusChangeJson,
  statusChangeShape,
} from '../representation.ts';
import type { Answer, Route } from '../route.ts';
import { route } from '../route.ts';
import { searchFilters, searchOf } from '../search-query.ts';
import { csr, days, issuerQuery, paging, serialNumber, text, time } from '../shapes.ts';

const tags = z.array(text(100)).max(50);
const nameList = z.array(text(2048)).max(1000).optional();

const issueBody = z.strictObject({
  profile: text(100),
  csr,
  issuer: text(100).optional(),
  subject: text(4096).optional(),
  dns: nameList,
  ip: nameList,
  email: nameList,
  uri: nameList,
  days: days.optional(),
  notBefore: time.optional(),
  notAfter: time.optional(),
  owner: text(200).optional(),
  tags: tags.optional(),
});

const searchQuery = z.strictObject({ ...searchFilters, ...paging });

const renewBody = z.strictObject({ csr });

/** Issuing, finding and following certificates. */
export const certificateRoutes: readonly Route[] = [
  route({
    method: 'POST',
    path: '/certificates',
    access: 'certificates:issue',
    summary: 'Issue a certificate from a CSR',
    body: issueBody,
    idempotent: true,
    answer: { status: 201, schema: issuedShape },
    handle: async ({ authority, principal, body, idempotencyKey, issuers }) => {
      const { csr: request, subject, dns, ip, email, uri, ...rest } = body;
      const issued = await authority.issueCertificate(principal, {
        ...rest,
        csr: certificationRequestFromText(request),
        subject: subject === undefined ? undefined : subjectFromText(subject),
        names: namesFromText({ dns, ip, email, uri }),
        idempotencyKey,
      });
      return issuedAnswer(issued, issuers);
    },
  }),
  route({
    method: 'GET',
    path: '/certificates',
    access: 'certificates:read',
    summary: 'Search the inventory; all filters given must hold',
    query: searchQuery,
    answer: { status: 200, schema: listOf(certificateShape) },
    handle: async ({ authority, principal, query, issuers, now }) => {
      const { cursor, limit, ...filters } = query;
      const page = await authority.searchCertificates(principal, {
        ...searchOf(filters, now()),
        cursor,
        limit,
      });
      const items = await Promise.all(page.items.map((item) => certificateJson(item, issuers)));
      return { json: { items, next: page.next } };
    },
  }),
  route({
    method: 'GET',
    path: '/certificates/{serialNumber}',
    access: 'certificates:read',
    summary: 'Show a certificate',
    parameters: serialNumber,
    query: issuerQuery,
    answer: { status: 200, schema: certificateShape },
    handle: async ({ authority, principal, parameters, query, issuers }) => {
      const record = await authority.findCertificate(principal, { ...parameters, ...query });
      return { json: await certificateJson(record, issuers, true) };
    },
  }),
  route({
    method: 'GET',
    path: '/certificates/{serialNumber}/history',
    access: 'certificates:read',
    summary: 'Every status change of a certificate, oldest first',
    parameters: serialNumber,
    query: issuerQuery,
    answer: { status: 200, schema: listOf(statusChangeShape) },
    handle: async ({ authority, principal, parameters, query }) => {
      const changes = await authority.certificateHistory(principal, { ...parameters, ...query });
      return { json: { items: changes.map(statusChangeJson), next: null } };
    },
  }),
  route({
    method: 'GET',
    path: '/certificates/{serialNumber}/pem',
    access: 'certificates:read',
    summary: 'The certificate and its issuers, without the root',
    parameters: serialNumber,
    query: issuerQuery,
    answer: { status: 200, mediaTypes: ['application/pem-certificate-chain'] },
    handle: async ({ authority, principal, parameters, query }) => {
      const chain = await authority.certificateChain(principal, { ...parameters, ...query });
      return {
        headers: { 'content-type': 'application/pem-certificate-chain' },
        content: certificatesToPem(chain),
      };
    },
  }),
  route({
    method: 'POST',
    path: '/certificates/{serialNumber}/renew',
    access: 'certificates:renew',
    summary: 'The same names, profile and key again',
    parameters: serialNumber,
    query: issuerQuery,
    body: renewBody,
    idempotent: true,
    answer: { status: 201, schema: issuedShape },
    handle: async ({ authority, principal, parameters, query, body, idempotencyKey, issuers }) => {
      const issued = await authority.renewCertificate(principal, {
        ...parameters,
        ...query,
        csr: certificationRequestFromText(body.csr),
        idempotencyKey,
      });
      return issuedAnswer(issued, issuers);
    },
  }),
  route({
    method: 'POST',
    path: '/certificates/{serialNumber}/rekey',
    access: 'certificates:renew',
    summary: 'The same names and profile with a new key',
    parameters: serialNumber,
    query: issuerQuery,
    body: renewBody,
    idempotent: true,
    answer: { status: 201, schema: issuedShape },
    handle: async ({ authority, principal, parameters, query, body, idempotencyKey, issuers }) => {
      const issued = await authority.rekeyCertificate(principal, {
        ...parameters,
        ...query,
        csr: certificationRequestFromText(body.csr),
        idempotencyKey,
      });
      return issuedAnswer(issued, issuers);
    },
  }),
];

/** The PEM is the leaf alone; the chain begins with it and leaves the root out. */
async function issuedAnswer(issued: IssuedCertificate, issuers: IssuerDirectory): Promise<Answer> {
  const { record, certificate, chain, requested, granted } = issued;
  const json = await certificateJson({ ...record, certificate }, issuers, true);
  return {
    status: 201,
    headers: {
      // A path of its own, never made from a Host header.
      location: `/api/v1/certificates/${record.serialNumber}?issuer=${record.issuerId}`,
    },
    json: {
      certificate: { ...json, chain: certificatesToPem([certificate, ...chain]) },
      requested: plain(requested),
      granted: plain(granted),
    },
  };
}
