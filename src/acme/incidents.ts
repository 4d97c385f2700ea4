import { act, recordDone } from '../authority/index.ts';
import type { Transaction } from '../authority/ports.ts';
import { ChanceryError, type IssuerId, type Principal } from '../domain/index.ts';
import type { AcmeDependencies } from './dependencies.ts';
import { randomName } from './external-account.ts';
import type { RenewalIncident } from './ports.ts';

/** Certificates to be renewed early: those issued so far, of one issuer, of one profile or all. */
export interface OpenIncidentRequest {
  /** Name or id; undefined: every issuer. */
  readonly issuer?: string | undefined;
  readonly profile?: string | undefined;
  /** The renewals are spread over this time, so that they do not come all at once. */
  readonly spreadSeconds: number;
  /** A page for people (RFC 9773 §4.2). */
  readonly explanationUrl?: string | undefined;
}

const shortestSpread = 60;
const longestSpread = 90 * 86_400;

/** Incidents and rollovers that move the renewal windows of many certificates (RFC 9773 §4.1). */
export function incidentUseCases(deps: AcmeDependencies) {
  const { unitOfWork, clock, tenant } = deps;
  return {
    async openIncident(
      principal: Principal,
      request: OpenIncidentRequest,
    ): Promise<RenewalIncident> {
      const incidentId = randomName(deps.randomBytes);
      const described = {
        act: 'acmeIncident.open',
        object: incidentId,
        details: { ...request },
      };
      return act(deps, principal, 'acme:manage', described, async () => {
        refuseUnfit(request);
        const now = clock.now();
        return unitOfWork.run(async (transaction) => {
          const issuerId = await issuerOf(transaction, tenant, request.issuer);
          await refuseUnused(transaction, tenant, request.profile, now);
          const incident: RenewalIncident = {
            tenant,
            incidentId,
            issuerId,
            profile: request.profile,
            issuedBefore: now,
            startsAt: now,
            endsAt: new Date(now.getTime() + request.spreadSeconds * 1000),
            explanationUrl: request.explanationUrl,
            createdAt: now,
            createdBy: principal.name,
          };
          await transaction.acme.insertIncident(incident);
          await recordDone(deps, transaction, principal, described);
          return incident;
        });
      });
    },

    /** Open ones, newest first. */
    async listIncidents(principal: Principal): Promise<readonly RenewalIncident[]> {
      const described = { act: 'acmeIncident.list', object: 'incidents' };
      return act(deps, principal, 'acme:read', described, async () =>
        unitOfWork.readOne(async ({ acme }) => acme.listIncidents(tenant)),
      );
    },

    /** Windows are those of the certificates' lives again. */
    async closeIncident(principal: Principal, incidentId: string): Promise<void> {
      const described = { act: 'acmeIncident.close', object: incidentId };
      await act(deps, principal, 'acme:manage', described, async () =>
        unitOfWork.run(async (transaction) => {
          if (!(await transaction.acme.closeIncident(tenant, incidentId, clock.now()))) {
            throw new ChanceryError('notFound', {
              message: `there is no open incident ${JSON.stringify(incidentId.slice(0, 100))}`,
              field: 'incidentId',
            });
          }
          await recordDone(deps, transaction, principal, described);
        }),
      );
    },
  };
}

async function issuerOf(
  { issuers }: Transaction,
  tenant: string,
  nameOrId: string | undefined,
): Promise<IssuerId | undefined> {
  if (nameOrId === undefined) return undefined;
  const found =
    (await issuers.findByName(tenant, nameOrId)) ?? (await issuers.find(tenant, nameOrId));
  if (found === undefined) {
    throw new ChanceryError('notFound', {
      message: `there is no issuer ${JSON.stringify(nameOrId.slice(0, 100))}; \`chancery issuer list\` shows what there is`,
      field: 'issuer',
    });
  }
  return found.issuerId;
}

/** A profile that was taken away may still have certificates; one that never had any is a slip of the pen. */
async function refuseUnused(
  { inventory }: Transaction,
  tenant: string,
  profile: string | undefined,
  now: Date,
): Promise<void> {
  if (profile === undefined) return;
  const { items } = await inventory.search({ tenant, profileName: profile, now, limit: 1 });
  if (items.length === 0) {
    throw new ChanceryError('notFound', {
      message: `no certificate was issued by a profile ${profile}, so there is nothing to renew; \`chancery list\` shows the profiles of certificates`,
      field: 'profile',
    });
  }
}

function refuseUnfit({ profile, spreadSeconds, explanationUrl }: OpenIncidentRequest): void {
  if (
    !Number.isInteger(spreadSeconds) ||
    spreadSeconds < shortestSpread ||
    spreadSeconds > longestSpread
  ) {
    throw new ChanceryError('invalidArgument', {
      message: `the renewals are spread over ${shortestSpread} to ${longestSpread} seconds, not ${spreadSeconds}`,
      field: 'spreadSeconds',
    });
  }
  if (profile !== undefined && !/^[\w.-]{1,100}$/.test(profile)) {
    throw new ChanceryError('invalidArgument', {
      message: `${JSON.stringify(profile.slice(0, 100))} is no name of a profile`,
      field: 'profile',
    });
  }
  if (explanationUrl !== undefined && !isWebUrl(explanationUrl)) {
    throw new ChanceryError('invalidArgument', {
      message: 'the explanation is an http or https URL of at most 1000 characters',
      field: 'explanationUrl',
      clause: 'RFC 9773 §4.2',
    });
  }
}

function isWebUrl(text: string): boolean {
  const url = text.length > 1000 ? null : URL.parse(text);
  return url !== null && ['http:', 'https:'].includes(url.protocol);
}
