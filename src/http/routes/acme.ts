import { z } from 'zod';
import { rateLimitNames } from '../../acme/index.ts';
import {
  accountJson,
  accountShape,
  eabCredentialJson,
  eabCredentialShape,
  incidentJson,
  incidentShape,
  limitOverrideJson,
  limitOverrideShape,
} from '../acme-representation.ts';
import { listOf } from '../representation.ts';
import type { Route } from '../route.ts';
import { route } from '../route.ts';
import { days, durationSeconds, paging, text, time } from '../shapes.ts';

const kid = z.strictObject({ kid: text(100) });

const limitNames = Object.keys(rateLimitNames);

/** `100/1h` as burst and seconds. */
const rate = z
  .string()
  .regex(/^[1-9]\d{0,8}\/[1-9]\d{0,6}[smhd]$/, {
    message: 'must be a number and a duration such as 100/1h',
  })
  .transform((value) => {
    const [count, duration] = value.split('/');
    return { burst: Number(count), seconds: durationSeconds.parse(duration) };
  });

/** What operators see and set of ACME; the protocol itself stands below /acme. */
export const acmeRoutes: readonly Route[] = [
  route({
    method: 'POST',
    path: '/acme/credentials',
    access: 'acme:manage',
    summary:
      'Make an external account binding credential; its key is in this answer and nowhere else',
    body: z.strictObject({
      directory: text(32),
      owner: text(100),
      allow: z.array(text(255)).max(1000).optional(),
      challengeRequired: z.boolean().optional(),
      profiles: z.array(text(100)).min(1).max(100).optional(),
      quota: z.int().min(1).max(1_000_000_000).optional(),
      days: days.optional(),
      singleUse: z.boolean().optional(),
      tags: z.array(text(100)).max(100).optional(),
    }),
    answer: { status: 201, schema: eabCredentialShape },
    handle: async ({ acme, principal, body }) => {
      const { credential, hmacKey } = await acme.createCredential(principal, {
        directory: body.directory,
        owner: body.owner,
        allow: body.allow ?? [],
        challengeRequired: body.challengeRequired ?? true,
        profiles: body.profiles,
        quota: body.quota,
        days: body.days,
        singleUse: body.singleUse ?? false,
        tags: body.tags ?? [],
      });
      return {
        status: 201,
        headers: { location: `/api/v1/acme/credentials/${encodeURIComponent(credential.kid)}` },
        json: { ...eabCredentialJson(credential), hmacKey },
      };
    },
  }),
  route({
    method: 'GET',
    path: '/acme/credentials',
    access: 'acme:read',
    summary: 'External account binding credentials, newest first, never their keys',
    query: z.strictObject({ directory: text(32).optional(), ...paging }),
    answer: { status: 200, schema: listOf(eabCredentialShape) },
    handle: async ({ acme, principal, query }) => {
      const { items, next } = await acme.listCredentials(principal, query);
      return { json: { items: items.map(eabCredentialJson), next } };
    },
  }),
  route({
    method: 'GET',
    path: '/acme/credentials/{kid}',
    access: 'acme:read',
    summary: 'Show an external account binding credential, never its key',
    parameters: kid,
    answer: { status: 200, schema: eabCredentialShape },
    handle: async ({ acme, principal, parameters }) => ({
      json: eabCredentialJson(await acme.showCredential(principal, parameters.kid)),
    }),
  }),
  route({
    method: 'DELETE',
    path: '/acme/credentials/{kid}',
    access: 'acme:manage',
    summary: 'Revoke a credential at once: its accounts are stopped too',
    parameters: kid,
    answer: { status: 204 },
    handle: async ({ acme, principal, parameters }) => {
      await acme.revokeCredential(principal, parameters.kid);
      return { status: 204 };
    },
  }),
  route({
    method: 'GET',
    path: '/acme/accounts',
    access: 'acme:read',
    summary: 'ACME accounts',
    query: z.strictObject({
      directory: text(32).optional(),
      kid: text(100).optional(),
      ...paging,
    }),
    answer: { status: 200, schema: listOf(accountShape) },
    handle: async ({ acme, principal, query }) => {
      const { items, next } = await acme.listAccounts(principal, query);
      return { json: { items: items.map(accountJson), next } };
    },
  }),
  route({
    method: 'DELETE',
    path: '/acme/accounts/{accountId}',
    access: 'acme:manage',
    summary: 'Revoke an account: it is stopped for good, its certificates stay',
    parameters: z.strictObject({ accountId: text(100) }),
    answer: { status: 204 },
    handle: async ({ acme, principal, parameters }) => {
      await acme.revokeAccount(principal, parameters.accountId);
      return { status: 204 };
    },
  }),
  route({
    method: 'POST',
    path: '/acme/limits',
    access: 'acme:manage',
    summary: 'Give one key of a rate limit another rate until a time',
    body: z.strictObject({
      limit: z.enum(limitNames),
      key: text(300),
      rate,
      notAfter: time,
      comment: text(500).optional(),
    }),
    answer: { status: 201, schema: limitOverrideShape },
    handle: async ({ acme, principal, body }) => {
      const override = await acme.putLimitOverride(principal, {
        limit: body.limit,
        key: body.key,
        burst: body.rate.burst,
        seconds: body.rate.seconds,
        notAfter: body.notAfter,
        comment: body.comment,
      });
      return { status: 201, json: limitOverrideJson(override) };
    },
  }),
  route({
    method: 'GET',
    path: '/acme/limits',
    access: 'acme:read',
    summary: "Rates that differ from the directories', until they expire",
    answer: { status: 200, schema: listOf(limitOverrideShape) },
    handle: async ({ acme, principal }) => {
      const overrides = await acme.listLimitOverrides(principal);
      return { json: { items: overrides.map(limitOverrideJson), next: null } };
    },
  }),
  route({
    method: 'DELETE',
    path: '/acme/limits/{limit}/{key}',
    access: 'acme:manage',
    summary: "Take a rate of one key back: the directory's holds again",
    parameters: z.strictObject({ limit: z.enum(limitNames), key: text(300) }),
    answer: { status: 204 },
    handle: async ({ acme, principal, parameters }) => {
      await acme.removeLimitOverride(principal, parameters.limit, parameters.key);
      return { status: 204 };
    },
  }),
  route({
    method: 'POST',
    path: '/acme/incidents',
    access: 'acme:manage',
    summary: 'Have certificates renewed early, spread over a time (RFC 9773 §4.1)',
    body: z.strictObject({
      issuer: text(100).optional(),
      profile: text(100).optional(),
      spread: durationSeconds,
      explanationUrl: z
        .url({ protocol: /^https?$/ })
        .max(1000)
        .optional(),
    }),
    answer: { status: 201, schema: incidentShape },
    handle: async ({ acme, principal, body }) => {
      const incident = await acme.openIncident(principal, {
        issuer: body.issuer,
        profile: body.profile,
        spreadSeconds: body.spread,
        explanationUrl: body.explanationUrl,
      });
      return {
        status: 201,
        json: incidentJson(incident),
      };
    },
  }),
  route({
    method: 'GET',
    path: '/acme/incidents',
    access: 'acme:read',
    summary: 'Incidents that are open, newest first',
    answer: { status: 200, schema: listOf(incidentShape) },
    handle: async ({ acme, principal }) => {
      const incidents = await acme.listIncidents(principal);
      return { json: { items: incidents.map(incidentJson), next: null } };
    },
  }),
  route({
    method: 'DELETE',
    path: '/acme/incidents/{id}',
    access: 'acme:manage',
    summary: "Close an incident: suggested windows follow from certificates' lives again",
    parameters: z.strictObject({ id: text(100) }),
    answer: { status: 204 },
    handle: async ({ acme, principal, parameters }) => {
      await acme.closeIncident(principal, parameters.id);
      return { status: 204 };
    },
  }),
];
