import { z } from 'zod';
import type { KeyBackup } from '../../keys/index.ts';
import { keyCustodianJson, keyCustodianShape, keyJson, keyShape } from '../key-representation.ts';
import { listOf } from '../representation.ts';
import type { Route } from '../route.ts';
import { route } from '../route.ts';
import { text, time } from '../shapes.ts';

const reason = text(1000);

const backup = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('none') }),
  z.strictObject({
    kind: z.literal('secondToken'),
    token: z.strictObject({
      label: text(64),
      serialNumber: text(64),
      manufacturer: text(64),
      model: text(64),
      firmwareVersion: text(64),
      hardware: z.boolean(),
    }),
    at: time,
  }),
  z.strictObject({ kind: z.literal('tokenBackup'), location: text(1000), at: time }),
]);

/** Who holds what of a key, and where copies of it are. */
export const keyCustodyRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/key-custodians',
    access: 'keys:read',
    summary: 'Who holds what of which token or key, from when to when',
    answer: { status: 200, schema: listOf(keyCustodianShape) },
    handle: async ({ authority, principal }) => {
      const custodians = await authority.listCustodians(principal);
      return { json: { items: custodians.map(keyCustodianJson), next: null } };
    },
  }),
  route({
    method: 'POST',
    path: '/key-custodians',
    access: 'keys:manage',
    summary: 'Record a custodian of a token or of one key',
    body: z.strictObject({
      token: z.enum(['root', 'issuing', 'responder', 'software']).optional(),
      key: text(200).optional(),
      person: text(200),
      duty: text(100),
      since: time.optional(),
      comment: text(1000).optional(),
    }),
    answer: { status: 201, schema: keyCustodianShape },
    handle: async ({ authority, principal, body }) => ({
      status: 201,
      json: keyCustodianJson(await authority.appointCustodian(principal, body)),
    }),
  }),
  route({
    method: 'POST',
    path: '/key-custodians/{id}/end',
    access: 'keys:manage',
    summary: 'The custodian holds it no more',
    parameters: z.strictObject({
      id: z
        .string()
        .regex(/^\d{1,18}$/)
        .transform(BigInt),
    }),
    body: z.strictObject({ reason }),
    answer: { status: 200, schema: keyCustodianShape },
    handle: async ({ authority, principal, parameters, body }) => ({
      json: keyCustodianJson(await authority.endCustodian(principal, { ...parameters, ...body })),
    }),
  }),
  route({
    method: 'POST',
    path: '/keys/{key}/backup',
    access: 'keys:manage',
    summary: 'Say where copies of the private half are, or why there are none',
    parameters: z.strictObject({ key: text(200) }),
    body: z.strictObject({ backup, reason }),
    answer: { status: 200, schema: keyShape },
    handle: async ({ authority, principal, parameters, body }) => {
      const told: KeyBackup =
        body.backup.kind === 'none'
          ? { kind: 'none', reason: body.reason }
          : { ...body.backup, at: body.backup.at.toISOString() };
      const record = await authority.recordBackup(principal, {
        ...{ key: parameters.key, backup: told, reason: body.reason },
      });
      return { json: keyJson(record) };
    },
  }),
];
