import { z } from 'zod';
import { certificatesFromPem } from '../../authority/index.ts';
import { ChanceryError } from '../../domain/index.ts';
import { caParameters } from '../ca-parameters.ts';
import { issuerJson, issuerShape, listOf } from '../representation.ts';
import { crossJson, crossShape, rolloverJson, rolloverShape } from '../rollover-representation.ts';
import type { Route } from '../route.ts';
import { route } from '../route.ts';
import { days, issuerName, lines, text, time } from '../shapes.ts';

/** Who decided, and why: recorded with the key's transition. */
const decision = {
  reason: text(1000),
  approvals: z.array(text(200)).max(20).optional(),
};

/** One issuer follows another; link and cross-certificates. */
export const rolloverRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/issuers/{issuer}/rollover',
    access: 'issuers:read',
    summary: 'How far the rollover of an issuer is, and what comes next',
    parameters: issuerName,
    answer: { status: 200, schema: rolloverShape },
    handle: async ({ authority, principal, parameters }) => ({
      json: rolloverJson(await authority.rolloverStatus(principal, parameters.issuer)),
    }),
  }),
  route({
    method: 'POST',
    path: '/issuers/{issuer}/rollover',
    access: 'issuers:create',
    summary: 'Prepare the issuer that follows: certified and distributed, it issues nothing yet',
    parameters: issuerName,
    body: z.strictObject({
      name: text(63),
      key: z.enum(['p256', 'p384', 'p521', 'rsa2048', 'rsa3072', 'rsa4096', 'ed25519']).optional(),
      signature: z.enum(['pkcs1', 'pss']).optional(),
      sameName: z.boolean().optional(),
      subject: text(4096).optional(),
      days: days.optional(),
      ...caParameters,
      ...decision,
    }),
    answer: { status: 201, schema: issuerShape },
    handle: async ({ authority, principal, parameters, body }) => {
      const { key, ...rest } = body;
      const record = await authority.prepareRollover(principal, parameters.issuer, {
        ...rest,
        keyAlgorithm: key,
      });
      return {
        status: 201,
        headers: { location: `/api/v1/issuers/${record.issuerId}` },
        json: issuerJson(record),
      };
    },
  }),
  route({
    method: 'POST',
    path: '/issuers/{issuer}/rollover/activation',
    access: 'issuers:create',
    summary:
      'A prepared issuer begins to issue: now, at a date, or (null) not at the date set before',
    parameters: issuerName,
    body: z.strictObject({ at: time.nullable().optional(), ...decision }),
    answer: { status: 200, schema: issuerShape },
    handle: async ({ authority, principal, parameters, body }) => ({
      json: issuerJson(await authority.activateIssuer(principal, parameters.issuer, body)),
    }),
  }),
  route({
    method: 'POST',
    path: '/issuers/{issuer}/rollover/retirement',
    access: 'issuers:create',
    summary: 'An issuer ends issuing; CRLs and OCSP go on until its last certificate has expired',
    parameters: issuerName,
    body: z.strictObject({ withoutSuccessor: z.boolean().optional(), ...decision }),
    answer: { status: 200, schema: issuerShape },
    handle: async ({ authority, principal, parameters, body }) => ({
      json: issuerJson(await authority.retireIssuer(principal, parameters.issuer, body)),
    }),
  }),
  route({
    method: 'POST',
    path: '/issuers/{issuer}/links',
    access: 'issuers:create',
    summary:
      'Link certificates with the issuer that it follows: new with old, and once active old with new',
    parameters: issuerName,
    body: z.strictObject({}),
    answer: { status: 200, schema: listOf(crossShape) },
    handle: async ({ authority, principal, parameters }) => {
      const links = await authority.linkIssuer(principal, parameters.issuer);
      return { json: { items: links.map(crossJson), next: null } };
    },
  }),
  route({
    method: 'GET',
    path: '/issuers/{issuer}/cross-certificates',
    access: 'issuers:read',
    summary: "Certificates of an issuer's key beside its own",
    parameters: issuerName,
    answer: { status: 200, schema: listOf(crossShape) },
    handle: async ({ authority, principal, parameters }) => {
      const found = await authority.listCrossCertificates(principal, parameters.issuer);
      return { json: { items: found.map(crossJson), next: null } };
    },
  }),
  route({
    method: 'POST',
    path: '/issuers/{issuer}/cross-certificates',
    access: 'issuers:create',
    summary:
      "Certify an issuer's key by another of our issuers, or install what a CA elsewhere made",
    parameters: issuerName,
    body: z.strictObject({
      by: text(100).optional(),
      pem: lines(131_072).min(1).optional(),
      days: days.optional(),
      ...caParameters,
    }),
    answer: { status: 201, schema: crossShape },
    handle: async ({ authority, principal, parameters, body }) => {
      const { by, pem, ...chosen } = body;
      if ((by === undefined) === (pem === undefined)) {
        throw new ChanceryError('invalidArgument', {
          message: 'say by (one of our issuers) or pem (a chain made elsewhere), one of the two',
          field: 'by',
        });
      }
      const made = await authority.crossCertify(
        principal,
        parameters.issuer,
        by === undefined ? { chain: certificatesFromPem(pem ?? '') } : { ...chosen, by },
      );
      return { status: 201, json: crossJson(made) };
    },
  }),
];
