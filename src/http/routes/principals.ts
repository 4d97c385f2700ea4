import { z } from 'zod';
import { certificatesToPem, certificationRequestFromText } from '../../authority/index.ts';
import { permissions, roles } from '../../domain/index.ts';
import {
  certificateJson,
  certificateShape,
  credentialJson,
  credentialShape,
  listOf,
  principalJson,
  principalShape,
  whoamiJson,
} from '../representation.ts';
import type { Route } from '../route.ts';
import { route } from '../route.ts';
import { csr, named, text } from '../shapes.ts';

/** Nobody is made a `system`: it has no credential. */
const grantableRoles = roles.filter((role) => role !== 'system');

/** Principals, their credentials, and who the caller is. */
export const principalRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/principals',
    access: 'principals:read',
    summary: 'All principals',
    answer: { status: 200, schema: listOf(principalShape) },
    handle: async ({ authority, principal }) => {
      const principals = await authority.listPrincipals(principal);
      return { json: { items: principals.map(principalJson), next: null } };
    },
  }),
  route({
    method: 'POST',
    path: '/principals',
    access: 'principals:create',
    summary: 'Make a principal; with a CSR also its client certificate',
    body: z.strictObject({ name: text(63), role: z.enum(grantableRoles), csr: csr.optional() }),
    answer: {
      status: 201,
      schema: z.object({ principal: principalShape, certificate: certificateShape.optional() }),
    },
    handle: async ({ authority, principal, body, issuers }) => {
      const created = await authority.createPrincipal(principal, {
        name: body.name,
        role: body.role,
        csr: body.csr === undefined ? undefined : certificationRequestFromText(body.csr),
      });
      const issued = created.certificate;
      const certificate =
        issued === undefined
          ? undefined
          : {
              ...(await certificateJson(
                { ...issued.record, certificate: issued.certificate },
                issuers,
                true,
              )),
              chain: certificatesToPem([issued.certificate, ...issued.chain]),
            };
      return {
        status: 201,
        headers: { location: `/api/v1/principals/${encodeURIComponent(body.name)}` },
        json: { principal: principalJson(created.principal), certificate },
      };
    },
  }),
  route({
    method: 'GET',
    path: '/principals/{name}',
    access: 'principals:read',
    summary: 'Show a principal',
    parameters: named,
    answer: { status: 200, schema: principalShape },
    handle: async ({ authority, principal, parameters }) => ({
      json: principalJson(await authority.showPrincipal(principal, parameters.name)),
    }),
  }),
  route({
    method: 'POST',
    path: '/principals/{name}/credentials',
    access: 'credentials:create',
    summary: 'Make a bearer token; it is in this answer and nowhere else',
    parameters: named,
    body: z.strictObject({
      scope: z.array(z.enum(permissions)).max(permissions.length).optional(),
      days: z.int().min(1).max(3650).optional(),
    }),
    answer: { status: 201, schema: credentialShape },
    handle: async ({ authority, principal, parameters, body }) => {
      const { record, token } = await authority.createCredential(principal, {
        principalName: parameters.name,
        ...body,
      });
      return { status: 201, json: { ...credentialJson(record), token } };
    },
  }),
  route({
    method: 'GET',
    path: '/credentials',
    access: 'credentials:read',
    summary: 'Credentials of all principals or of one, never their tokens',
    query: z.strictObject({ principal: text(100).optional() }),
    answer: { status: 200, schema: listOf(credentialShape) },
    handle: async ({ authority, principal, query }) => {
      const credentials = await authority.listCredentials(principal, query.principal);
      return { json: { items: credentials.map(credentialJson), next: null } };
    },
  }),
  route({
    method: 'DELETE',
    path: '/credentials/{id}',
    access: 'credentials:revoke',
    summary: 'Revoke a credential at once',
    parameters: z.strictObject({ id: text(100) }),
    answer: { status: 204 },
    handle: async ({ authority, principal, parameters }) => {
      await authority.revokeCredential(principal, parameters.id);
      return { status: 204 };
    },
  }),
  route({
    method: 'GET',
    path: '/whoami',
    access: 'authenticated',
    summary: 'Who the credential belongs to and what it allows',
    answer: { status: 200, schema: principalShape },
    handle: async ({ principal }) => ({ json: whoamiJson(principal) }),
  }),
];
