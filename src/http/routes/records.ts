import { z } from 'zod';
import { ChanceryError, isChanceryError } from '../../domain/index.ts';
import { describeProfile } from '../../policy/index.ts';
import { auditJson, auditShape, listOf, rfc3339 } from '../representation.ts';
import type { Route } from '../route.ts';
import { publicRoute, route } from '../route.ts';
import { lines, named, paging, text } from '../shapes.ts';

const profileShape = z.record(z.string(), z.unknown()).meta({ id: 'Profile' });

/** Profiles, the audit log and trust bundles. */
export const recordRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/profiles',
    access: 'profiles:read',
    summary: 'All certificate profiles in plain words',
    answer: { status: 200, schema: listOf(profileShape) },
    handle: async ({ authority, principal }) => {
      const profiles = await authority.listProfiles(principal);
      return { json: { items: profiles.map(describeProfile), next: null } };
    },
  }),
  route({
    method: 'GET',
    path: '/profiles/{name}',
    access: 'profiles:read',
    summary: 'Show a profile: what is fixed, defaulted, requestable, refused',
    parameters: named,
    answer: { status: 200, schema: profileShape },
    handle: async ({ authority, principal, parameters }) => ({
      json: describeProfile(await authority.showProfile(principal, parameters.name)),
    }),
  }),
  route({
    method: 'POST',
    path: '/profiles/check',
    access: 'profiles:read',
    summary: 'Read a profile as the server would, without using it',
    body: z.strictObject({ yaml: lines(131_072).min(1) }),
    answer: { status: 200, schema: profileShape },
    handle: async ({ authority, principal, body }) => {
      try {
        return { json: describeProfile(await authority.checkProfile(principal, body.yaml)) };
      } catch (error) {
        // The text is the caller's own here, so its faults are not the server's.
        if (!isChanceryError(error) || error.code !== 'configuration') throw error;
        throw new ChanceryError('invalidArgument', {
          message: error.message,
          field: 'yaml',
          violations: error.violations,
        });
      }
    },
  }),
  route({
    method: 'GET',
    path: '/audit',
    access: 'audit:read',
    summary: 'Acts and refusals, oldest first',
    query: z.strictObject({
      act: text(100).optional(),
      object: text(200).optional(),
      cursor: z
        .string()
        .regex(/^\d{1,19}$/, { message: 'must be next of the page before' })
        .refine((text) => BigInt(text) < 2n ** 63n, { message: 'must be next of the page before' })
        .optional(),
      limit: paging.limit,
    }),
    answer: { status: 200, schema: listOf(auditShape) },
    handle: async ({ authority, principal, query }) => {
      const records = await authority.listAudit(principal, {
        act: query.act,
        object: query.object,
        after: query.cursor === undefined ? undefined : BigInt(query.cursor),
        limit: query.limit,
      });
      const last = records.length === query.limit ? records.at(-1) : undefined;
      return { json: { items: records.map(auditJson), next: last?.id.toString() ?? null } };
    },
  }),
  publicRoute({
    method: 'GET',
    path: '/bundles/{name}',
    summary: 'Trust anchors; also as files at /bundles/{name}.pem and .p7b',
    parameters: named,
    answer: {
      status: 200,
      schema: z.object({
        name: z.string(),
        etag: z.string(),
        pem: z.string(),
        anchors: z.array(
          z.object({ subject: z.string(), sha256: z.string(), notAfter: z.string() }),
        ),
      }),
    },
    handle: async ({ authority, parameters }) => {
      const { name, pem, etag, anchors } = await authority.trustBundle(parameters.name);
      return {
        json: {
          name,
          etag,
          pem,
          anchors: anchors.map((anchor) => ({ ...anchor, notAfter: rfc3339(anchor.notAfter) })),
        },
      };
    },
  }),
];
