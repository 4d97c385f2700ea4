import { z } from 'zod';
import type { IncidentSubject } from '../../authority/index.ts';
import { ChanceryError, type ReasonCode, revocationReasons } from '../../domain/index.ts';
import {
  blastRadiusJson,
  blastRadiusShape,
  incidentEventJson,
  incidentEventShape,
  incidentJson,
  incidentReportShape,
  incidentShape,
  incidentStatusJson,
  incidentStatusShape,
  remainingJson,
  remainingShape,
  reportHtml,
  reportText,
} from '../incident-representation.ts';
import { listOf } from '../representation.ts';
import type { Route } from '../route.ts';
import { route } from '../route.ts';
import { searchFilters, searchOf } from '../search-query.ts';
import { durationSeconds, lines, paging, text, time } from '../shapes.ts';

const reasonCode = z.enum(revocationReasons as readonly [ReasonCode, ...ReasonCode[]]).optional();
const cause = z.enum(['keyStatusUnknown', 'ownerUnavailable', 'investigation', 'other']).optional();
const oneDay = 86_400;

/** What both ways of opening an incident take. */
const opening = {
  reason: lines(2000)
    .min(1)
    .optional()
    .meta({ description: 'Why, in words; required unless dryRun' }),
  reasonCode,
  renewWithin: durationSeconds.optional().meta({
    description: 'Over which time clients are told to renew (RFC 9773); 24h unless said',
  }),
  explanationUrl: z
    .url({ protocol: /^https?$/ })
    .max(1000)
    .optional(),
  drill: z.boolean().default(false),
  dryRun: z.boolean().default(false),
  expectedCount: z.int().min(0).optional(),
} as const;

const compromise = z.strictObject({
  key: lines(20_000).min(1).optional().meta({
    description:
      'SHA-256 of a SubjectPublicKeyInfo, a serial number, a key identifier of the inventory, or PEM of a certificate or public key',
  }),
  issuer: text(100).optional().meta({
    description: 'Without key: the compromised issuer. With it: whose serial number it is',
  }),
  act: z.enum(['hold', 'revoke']).default('revoke'),
  cause,
  invalidityDate: time.optional(),
  reissueBy: text(100).optional(),
  ...opening,
});

const overQuery = z.strictObject({ query: z.strictObject(searchFilters), ...opening });

const incident = z.strictObject({ incident: text(40) });
const opened = { status: 202, schema: z.union([incidentStatusShape, blastRadiusShape]) };

/** Compromises and incidents over many certificates (SP 800-57 Part 1 §9.5.4). */
export const incidentRoutes: readonly Route[] = [
  route({
    method: 'POST',
    path: '/compromises',
    access: 'incidents:read',
    summary:
      'Declare the compromise of a key or an issuer; takes compromise:declare as well. With dryRun it shows what is reached and changes nothing',
    body: compromise,
    answer: opened,
    handle: async ({ authority, principal, body }) => {
      const { key, issuer, act, cause: holdCause, invalidityDate, reissueBy, ...rest } = body;
      const subject = subjectOf(key, issuer);
      if (rest.dryRun) {
        const radius = await authority.previewIncident(principal, { subject, invalidityDate });
        return { json: blastRadiusJson(radius) };
      }
      const status = await authority.openIncident(principal, {
        ...openingOf(rest),
        ...{ subject, act, cause: holdCause, invalidityDate, reissueBy },
      });
      return {
        status: 202,
        headers: { location: `/api/v1/incidents/${status.incident.id}` },
        json: incidentStatusJson(status),
      };
    },
  }),
  route({
    method: 'POST',
    path: '/incidents',
    access: 'incidents:read',
    summary:
      'Open an incident over what a query finds; takes incidents:manage as well. With dryRun it shows what is reached and changes nothing',
    body: overQuery,
    answer: opened,
    handle: async ({ authority, principal, body, now }) => {
      const { query, ...rest } = body;
      const subject = { kind: 'query', query: searchOf(query, now()) } as const;
      if (rest.dryRun) {
        return { json: blastRadiusJson(await authority.previewIncident(principal, { subject })) };
      }
      const status = await authority.openIncident(principal, { ...openingOf(rest), subject });
      return {
        status: 202,
        headers: { location: `/api/v1/incidents/${status.incident.id}` },
        json: incidentStatusJson(status),
      };
    },
  }),
  route({
    method: 'GET',
    path: '/incidents',
    access: 'incidents:read',
    summary: 'Compromises and incidents, newest first',
    query: z.strictObject({
      state: z.enum(['opened', 'acting', 'waiting', 'closed']).optional(),
      ...paging,
    }),
    answer: { status: 200, schema: listOf(incidentShape) },
    handle: async ({ authority, principal, query }) => {
      const page = await authority.listIncidents(principal, query);
      return { json: { items: page.items.map(incidentJson), next: page.next } };
    },
  }),
  route({
    method: 'GET',
    path: '/incidents/{incident}',
    access: 'incidents:read',
    summary: 'Where an incident stands: its job, and how many subscribers have re-keyed',
    parameters: incident,
    answer: { status: 200, schema: incidentStatusShape },
    handle: async ({ authority, principal, parameters }) => ({
      json: incidentStatusJson(await authority.incidentStatus(principal, parameters.incident)),
    }),
  }),
  route({
    method: 'GET',
    path: '/incidents/{incident}/remaining',
    access: 'incidents:read',
    summary: 'Subscribers that still have to replace a certificate',
    parameters: incident,
    query: z.strictObject(paging),
    answer: { status: 200, schema: listOf(remainingShape) },
    handle: async ({ authority, principal, parameters, query }) => {
      const page = await authority.remainingOfIncident(principal, parameters.incident, query);
      return { json: { items: page.items.map(remainingJson), next: page.next } };
    },
  }),
  route({
    method: 'GET',
    path: '/incidents/{incident}/events',
    access: 'incidents:read',
    summary: 'What happened, oldest first',
    parameters: incident,
    answer: { status: 200, schema: listOf(incidentEventShape) },
    handle: async ({ authority, principal, parameters }) => {
      const events = await authority.incidentEvents(principal, parameters.incident);
      return { json: { items: events.map(incidentEventJson), next: null } };
    },
  }),
  route({
    method: 'POST',
    path: '/incidents/{incident}/hold',
    access: 'incidents:read',
    summary:
      'Put all of it on hold; takes incidents:manage and certificates:hold, or compromise:declare',
    parameters: incident,
    body: z.strictObject({ cause, comment: lines(2000).optional() }),
    answer: { status: 202, schema: incidentStatusShape },
    handle: async ({ authority, principal, parameters, body }) => ({
      status: 202,
      json: incidentStatusJson(
        await authority.actOnIncident(principal, parameters.incident, 'hold', body),
      ),
    }),
  }),
  route({
    method: 'POST',
    path: '/incidents/{incident}/revoke',
    access: 'incidents:read',
    summary:
      'Revoke all of it; takes incidents:manage and certificates:revoke, or compromise:declare',
    parameters: incident,
    body: z.strictObject({
      reasonCode,
      invalidityDate: time.optional(),
      comment: lines(2000).optional(),
    }),
    answer: { status: 202, schema: incidentStatusShape },
    handle: async ({ authority, principal, parameters, body }) => ({
      status: 202,
      json: incidentStatusJson(
        await authority.actOnIncident(principal, parameters.incident, 'revoke', body),
      ),
    }),
  }),
  route({
    method: 'POST',
    path: '/incidents/{incident}/close',
    access: 'incidents:read',
    summary:
      'Close it and write its report, which is kept as evidence; takes incidents:manage, or compromise:declare',
    parameters: incident,
    body: z.strictObject({ comment: lines(2000).min(1).optional() }),
    answer: { status: 200, schema: incidentReportShape },
    handle: async ({ authority, principal, parameters, body }) => ({
      json: await authority.closeIncident(principal, parameters.incident, body.comment),
    }),
  }),
  route({
    method: 'GET',
    path: '/incidents/{incident}/report',
    access: 'incidents:read',
    summary: 'The report of a closed incident, as it was kept',
    parameters: incident,
    query: z.strictObject({ format: z.enum(['json', 'text', 'html']).default('json') }),
    answer: {
      status: 200,
      schema: incidentReportShape,
      mediaTypes: ['application/json', 'text/plain', 'text/html'],
    },
    handle: async ({ authority, principal, parameters, query }) => {
      const report = await authority.incidentReport(principal, parameters.incident);
      switch (query.format) {
        case 'json':
          return { json: report };
        case 'text':
          return {
            headers: { 'content-type': 'text/plain; charset=utf-8' },
            content: reportText(report),
          };
        case 'html':
          return {
            headers: { 'content-type': 'text/html; charset=utf-8' },
            content: reportHtml(report),
          };
        default:
          return query.format satisfies never;
      }
    },
  }),
];

type Opening = z.output<z.ZodObject<typeof opening>>;

function openingOf(given: Opening) {
  const { reason, renewWithin, dryRun: _, ...rest } = given;
  if (reason === undefined) {
    throw new ChanceryError('invalidArgument', {
      message: 'say why: the reason stands in the record, the report and the audit log',
      field: 'reason',
    });
  }
  return { ...rest, reason, renewWithinSeconds: renewWithin ?? oneDay };
}

function subjectOf(key: string | undefined, issuer: string | undefined): IncidentSubject {
  if (key !== undefined) return { kind: 'keyCompromise', key, issuer };
  if (issuer !== undefined) return { kind: 'issuerCompromise', issuer };
  throw new ChanceryError('invalidArgument', {
    message: 'name the compromised key, or the issuer',
    field: 'key',
  });
}
