import { z } from 'zod';
import {
  crlJson,
  crlShape,
  crlShardJson,
  crlShardShape,
  statusPolicyChangesShape,
} from '../crl-representation.ts';
import { issuerJson, issuerShape, listOf } from '../representation.ts';
import type { Route } from '../route.ts';
import { route } from '../route.ts';
import { issuerName, issuerQuery, text } from '../shapes.ts';

const shardOfIssuer = z.strictObject({
  issuer: text(100),
  shard: z.coerce.number().int().min(0).max(999_999),
});

/** CRLs, their shards, and the policy by which an issuer tells status. */
export const crlRoutes: readonly Route[] = [
  route({
    method: 'POST',
    path: '/issuers/{issuer}/crl',
    access: 'crls:publish',
    summary: 'Publish the CRLs of all shards now; the answer is that of the first',
    parameters: issuerName,
    body: z.strictObject({}),
    answer: { status: 200, schema: crlShape },
    handle: async ({ authority, principal, parameters, issuers }) => {
      const [first] = await authority.publishCrl(principal, parameters.issuer);
      if (first === undefined) throw new TypeError('an active issuer has no shard');
      return { json: await crlJson(first, issuers) };
    },
  }),
  route({
    method: 'POST',
    path: '/issuers/{issuer}/crls',
    access: 'crls:publish',
    summary: 'Publish the CRLs of all shards now',
    parameters: issuerName,
    body: z.strictObject({}),
    answer: { status: 200, schema: listOf(crlShape) },
    handle: async ({ authority, principal, parameters, issuers }) => {
      const crls = await authority.publishCrl(principal, parameters.issuer);
      const items = await Promise.all(crls.map((crl) => crlJson(crl, issuers)));
      return { json: { items, next: null } };
    },
  }),
  route({
    method: 'GET',
    path: '/crls',
    access: 'crls:read',
    summary: 'The newest complete and delta CRL of each shard',
    query: issuerQuery,
    answer: { status: 200, schema: listOf(crlShape) },
    handle: async ({ authority, principal, query, issuers }) => {
      const crls = await authority.listCrls(principal, query.issuer);
      const items = await Promise.all(crls.map((crl) => crlJson(crl, issuers)));
      return { json: { items, next: null } };
    },
  }),
  route({
    method: 'GET',
    path: '/crl-shards',
    access: 'crls:read',
    summary: 'All CRL shards, those that are retired among them',
    query: issuerQuery,
    answer: { status: 200, schema: listOf(crlShardShape) },
    handle: async ({ authority, principal, query, issuers }) => {
      const shards = await authority.listShards(principal, query.issuer);
      const items = await Promise.all(shards.map((shard) => crlShardJson(shard, issuers)));
      return { json: { items, next: null } };
    },
  }),
  route({
    method: 'POST',
    path: '/issuers/{issuer}/crl-shards/{shard}/retirement',
    access: 'issuers:create',
    summary:
      'Retire a shard: no new certificate gets it, its CRLs go on until the last has expired',
    parameters: shardOfIssuer,
    body: z.strictObject({}),
    answer: { status: 200, schema: crlShardShape },
    handle: async ({ authority, principal, parameters, issuers }) => ({
      json: await crlShardJson(
        await authority.retireShard(principal, parameters.issuer, parameters.shard),
        issuers,
      ),
    }),
  }),
  route({
    method: 'PATCH',
    path: '/issuers/{issuer}/status-policy',
    access: 'issuers:create',
    summary: 'Change how an issuer tells status; what is left out stays, null switches off',
    parameters: issuerName,
    body: statusPolicyChangesShape,
    answer: { status: 200, schema: issuerShape },
    handle: async ({ authority, principal, parameters, body }) => ({
      json: issuerJson(await authority.changeStatusPolicy(principal, parameters.issuer, body)),
    }),
  }),
];
