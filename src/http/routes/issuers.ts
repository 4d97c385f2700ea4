import { z } from 'zod';
import { certificatesFromPem, certificationRequestToPem } from '../../authority/index.ts';
import { caParameters } from '../ca-parameters.ts';
import { issuerJson, issuerShape, listOf } from '../representation.ts';
import type { Route } from '../route.ts';
import { route } from '../route.ts';
import { days, issuerName, lines, text } from '../shapes.ts';

/** Issuers. */
export const issuerRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/issuers',
    access: 'issuers:read',
    summary: 'All issuers',
    answer: { status: 200, schema: listOf(issuerShape) },
    handle: async ({ authority, principal }) => {
      const issuers = await authority.listIssuers(principal);
      return { json: { items: issuers.map(issuerJson), next: null } };
    },
  }),
  route({
    method: 'POST',
    path: '/issuers',
    access: 'issuers:create',
    summary: 'Make a root, a subordinate or a subordinate of a parent elsewhere',
    body: z.strictObject({
      name: text(63),
      kind: z.enum(['root', 'subordinate', 'external']),
      parent: text(100).optional(),
      key: z.enum(['p256', 'p384', 'p521', 'rsa2048', 'rsa3072', 'rsa4096', 'ed25519']),
      signature: z.enum(['pkcs1', 'pss']).optional(),
      subject: text(4096).optional(),
      profile: text(63).optional(),
      days: days.optional(),
      ...caParameters,
    }),
    answer: { status: 201, schema: issuerShape },
    handle: async ({ authority, principal, body }) => {
      const { key, ...rest } = body;
      const record = await authority.createIssuer(principal, { ...rest, keyAlgorithm: key });
      return {
        status: 201,
        headers: { location: `/api/v1/issuers/${record.issuerId}` },
        json: issuerJson(record),
      };
    },
  }),
  route({
    method: 'POST',
    path: '/issuers/adoptions',
    access: 'issuers:create',
    summary:
      'Take a key pair that is in a token already, with the chain of its CA or to have one made',
    body: z.strictObject({
      name: text(63),
      keyId: z.string().regex(/^(?:[0-9a-f]{2}){1,32}$/, 'CKA_ID in lower-case hex'),
      token: text(32).optional(),
      subject: text(4096).optional(),
      signature: z.enum(['pkcs1', 'pss']).optional(),
      pem: lines(131_072).min(1).optional(),
      formerCrlNumber: z
        .string()
        .regex(/^[0-9]{1,49}$/, 'a decimal number')
        .optional(),
    }),
    answer: { status: 201, schema: issuerShape },
    handle: async ({ authority, principal, body }) => {
      const { pem, formerCrlNumber, ...rest } = body;
      const record = await authority.adoptIssuer(principal, {
        ...rest,
        chain: pem === undefined ? undefined : certificatesFromPem(pem),
        formerCrlNumber: formerCrlNumber === undefined ? undefined : BigInt(formerCrlNumber),
      });
      return {
        status: 201,
        headers: { location: `/api/v1/issuers/${record.issuerId}` },
        json: issuerJson(record),
      };
    },
  }),
  route({
    method: 'GET',
    path: '/issuers/{issuer}',
    access: 'issuers:read',
    summary: 'Show an issuer by name or id',
    parameters: issuerName,
    answer: { status: 200, schema: issuerShape },
    handle: async ({ authority, principal, parameters }) => ({
      json: issuerJson(await authority.showIssuer(principal, parameters.issuer)),
    }),
  }),
  route({
    method: 'GET',
    path: '/issuers/{issuer}/csr',
    access: 'issuers:create',
    summary: 'The CSR of an issuer whose parent is elsewhere',
    parameters: issuerName,
    answer: { status: 200, mediaTypes: ['application/pkcs10'] },
    handle: async ({ authority, principal, parameters }) => ({
      headers: { 'content-type': 'application/pkcs10' },
      content: certificationRequestToPem(
        await authority.issuerRequest(principal, parameters.issuer),
      ),
    }),
  }),
  route({
    method: 'POST',
    path: '/issuers/{issuer}/chain',
    access: 'issuers:create',
    summary: 'Install the chain that a parent elsewhere made, own certificate first',
    parameters: issuerName,
    body: z.strictObject({ pem: lines(131_072).min(1) }),
    answer: { status: 200, schema: issuerShape },
    handle: async ({ authority, principal, parameters, body }) => {
      const chain = certificatesFromPem(body.pem);
      return {
        json: issuerJson(await authority.installIssuer(principal, parameters.issuer, chain)),
      };
    },
  }),
];
