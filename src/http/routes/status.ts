import { z } from 'zod';
import type { ReasonCode } from '../../domain/index.ts';
import { revocationReasons } from '../../domain/index.ts';
import { certificateJson, certificateShape } from '../representation.ts';
import type { Route } from '../route.ts';
import { route } from '../route.ts';
import { issuerQuery, lines, serialNumber, time } from '../shapes.ts';

const comment = lines(2000).optional();

/** Suspending, releasing and revoking. */
export const statusRoutes: readonly Route[] = [
  route({
    method: 'POST',
    path: '/certificates/{serialNumber}/revoke',
    access: 'certificates:revoke',
    summary: 'Revoke a certificate for good; compromise revokes every certificate of the key',
    parameters: serialNumber,
    query: issuerQuery,
    body: z.strictObject({
      reasonCode: z.enum(revocationReasons as readonly [ReasonCode, ...ReasonCode[]]),
      invalidityDate: time.optional(),
      comment,
    }),
    answer: {
      status: 200,
      schema: z.object({ certificate: certificateShape, alsoRevoked: z.array(certificateShape) }),
    },
    handle: async ({ authority, principal, parameters, query, body, issuers }) => {
      const { record, alsoRevoked } = await authority.revokeCertificate(principal, {
        ...parameters,
        ...query,
        ...body,
      });
      return {
        json: {
          certificate: await certificateJson(record, issuers),
          alsoRevoked: await Promise.all(
            alsoRevoked.map((other) => certificateJson(other, issuers)),
          ),
        },
      };
    },
  }),
  route({
    method: 'POST',
    path: '/certificates/{serialNumber}/hold',
    access: 'certificates:hold',
    summary: 'Suspend a certificate, with or without an end',
    parameters: serialNumber,
    query: issuerQuery,
    body: z.strictObject({
      cause: z.enum(['keyStatusUnknown', 'ownerUnavailable', 'investigation', 'other']).optional(),
      until: time.optional(),
      then: z.enum(['release', 'revoke', 'alarm']).optional(),
      comment,
    }),
    answer: { status: 200, schema: certificateShape },
    handle: async ({ authority, principal, parameters, query, body, issuers }) => {
      const record = await authority.holdCertificate(principal, {
        ...parameters,
        ...query,
        ...body,
      });
      return { json: await certificateJson(record, issuers) };
    },
  }),
  route({
    method: 'POST',
    path: '/certificates/{serialNumber}/release',
    access: 'certificates:release',
    summary: 'End a suspension; the history keeps it',
    parameters: serialNumber,
    query: issuerQuery,
    body: z.strictObject({ comment }),
    answer: { status: 200, schema: certificateShape },
    handle: async ({ authority, principal, parameters, query, body, issuers }) => {
      const record = await authority.releaseCertificate(principal, {
        ...parameters,
        ...query,
        ...body,
      });
      return { json: await certificateJson(record, issuers) };
    },
  }),
];
