import { z } from 'zod';
import { certificatesToPem, certificationRequestFromText } from '../../authority/index.ts';
import type { Route } from '../route.ts';
import { route } from '../route.ts';
import { csr, issuerName, text } from '../shapes.ts';

const attributes = z.strictObject({
  token: z.boolean(),
  private: z.boolean(),
  sensitive: z.boolean(),
  alwaysSensitive: z.boolean(),
  extractable: z.boolean(),
  neverExtractable: z.boolean(),
  local: z.boolean(),
  sign: z.boolean(),
  decrypt: z.boolean(),
  unwrap: z.boolean(),
  derive: z.boolean(),
  modifiable: z.boolean(),
  copyable: z.boolean(),
});

const token = z.strictObject({
  label: text(64),
  serialNumber: z.string().max(64),
  manufacturer: z.string().max(64),
  model: z.string().max(64),
  firmwareVersion: z.string().max(64),
  hardware: z.boolean(),
});

/** What a responder read back of a key that it made in its token. */
const keyShape = { label: text(64), token, attributes };

const keyId = z.string().regex(/^[0-9a-f]{2,128}$/, { message: 'must be lower-case hex' });

/** Any object of the token: whoever put it there chose its label. */
const tokenObject = z.strictObject({
  class: z.enum(['privateKey', 'publicKey', 'secretKey', 'certificate', 'other']),
  keyId: z
    .string()
    .regex(/^[0-9a-f]{0,510}$/, { message: 'must be lower-case hex' })
    .optional(),
  label: z.string().max(256),
  subjectPublicKeyInfo: z.base64().max(4096).optional(),
  attributes: attributes.optional(),
});

/** The door of responders: their delegates' certificates, and what they tell of their keys. */
export const responderRoutes: readonly Route[] = [
  route({
    method: 'POST',
    path: '/responders/{issuer}/certificate',
    access: 'responders:enrol',
    summary: "A responder's delegate certificate (RFC 6960 §4.2.2.2)",
    parameters: issuerName,
    body: z.strictObject({ csr, key: z.strictObject(keyShape).optional() }),
    answer: { status: 201, schema: z.object({ certificate: z.string(), chain: z.string() }) },
    handle: async ({ authority, principal, parameters, body }) => {
      const enrolled = await authority.enrolResponder(principal, {
        issuer: parameters.issuer,
        csr: certificationRequestFromText(body.csr),
        key: body.key,
      });
      return {
        status: 201,
        json: {
          certificate: certificatesToPem([enrolled.certificate]),
          chain: certificatesToPem(enrolled.chain),
        },
      };
    },
  }),
  route({
    method: 'POST',
    path: '/responders/keys',
    access: 'responders:enrol',
    summary:
      'What a responder counted, destroyed, and sees in its token (SP 800-57 Part 1 §6.2.3, §8.3.4, §9.2.1)',
    body: z.strictObject({
      keys: z
        .array(z.strictObject({ keyId, signatures: z.int().min(0) }))
        .max(1000)
        .default([]),
      destroyed: z
        .array(z.strictObject({ keyId, objects: z.int().min(0).max(100), reason: text(500) }))
        .max(1000)
        .default([]),
      selfTest: z
        .strictObject({
          ...keyShape,
          subjectPublicKeyInfo: z.base64().max(4096),
          algorithm: text(64),
        })
        .optional(),
      inToken: z
        .strictObject({
          identity: token,
          objects: z.array(tokenObject).max(2000),
          expected: z.array(keyId).max(2000),
        })
        .optional(),
    }),
    maximumBodyBytes: 4 * 1024 * 1024,
    answer: { status: 204 },
    handle: async ({ authority, principal, body }) => {
      const { keys, destroyed, selfTest, inToken } = body;
      await authority.reportResponderKeys(principal, {
        keys,
        destroyed,
        selfTest: selfTest && {
          ...selfTest,
          subjectPublicKeyInfo: Buffer.from(selfTest.subjectPublicKeyInfo, 'base64'),
        },
        inToken: inToken && {
          ...inToken,
          objects: inToken.objects.map(({ subjectPublicKeyInfo, ...object }) => ({
            ...object,
            ...(subjectPublicKeyInfo === undefined
              ? {}
              : { subjectPublicKeyInfo: Buffer.from(subjectPublicKeyInfo, 'base64') }),
          })),
        },
      });
      return { status: 204 };
    },
  }),
];
