import { z } from 'zod';
import type { KeyActRequest, KeyActResult } from '../../authority/index.ts';
import type { Principal } from '../../domain/index.ts';
import { keyTypes } from '../../keys/index.ts';
import {
  keyAccessJson,
  keyAccessShape,
  keyActJson,
  keyActShape,
  keyDetailsJson,
  keyDetailsShape,
  keyJson,
  keyShape,
  keyTransitionJson,
  keyTransitionShape,
  reconciliationJson,
  reconciliationShape,
} from '../key-representation.ts';
import { listOf } from '../representation.ts';
import type { Route, RouteTools } from '../route.ts';
import { route } from '../route.ts';
import { text, time } from '../shapes.ts';

const keyName = z.strictObject({ key: text(200) });
const reason = text(1000);
const approvals = z.array(text(200)).max(20).optional();
const stateAct = z.strictObject({ reason, approvals });

/** A step in the life of the key in the path: `POST /keys/{key}/ACT`. */
function keyAct(
  path: string,
  summary: string,
  access: 'keys:manage' | 'keys:destroy',
  perform: (
    authority: RouteTools['authority'],
    principal: Principal,
    request: KeyActRequest,
  ) => Promise<KeyActResult>,
): Route {
  return route({
    method: 'POST',
    path: `/keys/{key}/${path}`,
    access,
    summary,
    parameters: keyName,
    body: stateAct,
    answer: { status: 200, schema: keyActShape },
    handle: async ({ authority, principal, parameters, body }) => ({
      json: keyActJson(await perform(authority, principal, { key: parameters.key, ...body })),
    }),
  });
}

/** The key inventory (SP 800-57 Part 1 §6.2.3, §7). */
export const keyRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/keys',
    access: 'keys:read',
    summary: 'All keys, with what someone should do about them',
    answer: { status: 200, schema: listOf(keyShape) },
    handle: async ({ authority, principal }) => {
      const keys = await authority.listKeys(principal);
      return { json: { items: keys.map((key) => keyJson(key.record, key)), next: null } };
    },
  }),
  route({
    method: 'POST',
    path: '/keys',
    access: 'keys:manage',
    summary: 'Make a key of its own in the issuing token, in pre-activation',
    body: z.strictObject({
      type: z.enum(keyTypes),
      key: z.enum(['p256', 'p384', 'p521', 'rsa2048', 'rsa3072', 'rsa4096', 'ed25519']),
      signature: z.enum(['pkcs1', 'pss']).optional(),
      record: z
        .string()
        .regex(/^[a-z0-9][a-z0-9._/-]{0,62}$/i)
        .optional(),
      signatureLimit: z.int().min(1).optional(),
      reason,
      approvals,
    }),
    answer: { status: 201, schema: keyActShape },
    handle: async ({ authority, principal, body }) => {
      const { key, ...rest } = body;
      const made = await authority.generateKey(principal, { ...rest, keyAlgorithm: key });
      return {
        status: 201,
        headers: { location: `/api/v1/keys/${made.key.keyId}` },
        json: keyActJson(made),
      };
    },
  }),
  route({
    method: 'GET',
    path: '/keys/{key}',
    access: 'keys:read',
    summary:
      'All that is known of a key: by identifier, its beginning, record, label or issuer (SP 800-57 Part 1 §6.2.3)',
    parameters: keyName,
    answer: { status: 200, schema: keyDetailsShape },
    handle: async ({ authority, principal, parameters }) => ({
      json: keyDetailsJson(await authority.showKey(principal, parameters.key)),
    }),
  }),
  route({
    method: 'GET',
    path: '/keys/{key}/history',
    access: 'keys:read',
    summary: 'Every transition of both halves, oldest first',
    parameters: keyName,
    answer: { status: 200, schema: listOf(keyTransitionShape) },
    handle: async ({ authority, principal, parameters }) => {
      const steps = await authority.keyHistory(principal, parameters.key);
      return { json: { items: steps.map(keyTransitionJson), next: null } };
    },
  }),
  route({
    method: 'GET',
    path: '/keys/{key}/access',
    access: 'keys:read',
    summary: 'Who could use it, and who could have seen it in the clear (SP 800-57 Part 1 §9.3)',
    parameters: keyName,
    query: z.strictObject({ at: time.optional() }),
    answer: { status: 200, schema: keyAccessShape },
    handle: async ({ authority, principal, parameters, query }) => {
      const { record, access } = await authority.showKeyAccess(principal, parameters.key, query.at);
      return { json: keyAccessJson(record.keyId, access) };
    },
  }),
  keyAct('activation', 'Activate (transition 4)', 'keys:manage', async (authority, ...rest) =>
    authority.activateKey(...rest),
  ),
  keyAct(
    'suspension',
    'Suspend (transition 7): it signs nothing, and its CA certificate goes on hold',
    'keys:manage',
    async (authority, ...rest) => authority.suspendKey(...rest),
  ),
  keyAct(
    'resumption',
    'Back to active (transition 10), and the hold is released',
    'keys:manage',
    async (authority, ...rest) => authority.resumeKey(...rest),
  ),
  keyAct(
    'deactivation',
    'Deactivate a key that protects others (transitions 8, 12)',
    'keys:manage',
    async (authority, ...rest) => authority.deactivateKey(...rest),
  ),
  keyAct(
    'compromise',
    'Mark compromised (transitions 3, 6, 11, 14): nothing is signed with it any more',
    'keys:manage',
    async (authority, ...rest) => authority.markKeyCompromised(...rest),
  ),
  keyAct(
    'destruction',
    'Destroy its objects in the token, and look that they are gone (transitions 2, 5, 9, 13, 15)',
    'keys:destroy',
    async (authority, ...rest) => authority.destroyKey(...rest),
  ),
  keyAct(
    'rotation',
    'Make its next version, to be distributed and activated',
    'keys:manage',
    async (authority, ...rest) => authority.rotateKey(...rest),
  ),
  route({
    method: 'POST',
    path: '/keys/{key}/distributions',
    access: 'keys:manage',
    summary: 'Say where those who verify with it have its public key',
    parameters: keyName,
    body: z.strictObject({ location: text(1000), reason, approvals }),
    answer: { status: 200, schema: keyShape },
    handle: async ({ authority, principal, parameters, body }) => ({
      json: keyJson(await authority.distributeKey(principal, { key: parameters.key, ...body })),
    }),
  }),
  route({
    method: 'POST',
    path: '/key-reconciliations',
    access: 'keys:manage',
    summary: 'Compare the objects in tokens with the inventory now',
    body: z.strictObject({
      tokens: z
        .array(z.enum(['root', 'issuing']))
        .min(1)
        .max(2)
        .default(['issuing']),
    }),
    answer: { status: 200, schema: listOf(reconciliationShape) },
    handle: async ({ authority, principal, body }) => {
      const done = await authority.reconcileKeys(principal, [...new Set(body.tokens)]);
      return { json: { items: done.map(reconciliationJson), next: null } };
    },
  }),
];
