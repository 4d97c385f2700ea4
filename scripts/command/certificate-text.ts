import { printFields } from './output.ts';

/** A certificate as REST shows it. */
export interface CertificateJson {
  readonly serialNumber: string;
  readonly issuer: string;
  readonly issuerId: string;
  readonly subject: string;
  readonly names: readonly string[];
  readonly profile: string;
  readonly status: string;
  readonly reasonCode?: string;
  readonly revocationTime?: string;
  readonly invalidityDate?: string;
  readonly holdCause?: string;
  readonly holdUntil?: string;
  readonly holdThen?: string;
  readonly issuanceState: string;
  readonly notBefore: string;
  readonly notAfter: string;
  readonly owner: string;
  readonly tags: readonly string[];
  readonly requestedBy: string;
  readonly requestedAt: string;
  readonly notes?: string;
  readonly origin: string;
  readonly purgedAt?: string;
  readonly sha256?: string;
  readonly tbsSha256?: string;
  readonly spkiHash: string;
  readonly replaces?: string;
  readonly notice?: string;
}

/** The certificate inside an answer, or the answer itself. */
export function certificateOf(value: unknown): CertificateJson {
  const holder = value as { readonly certificate?: CertificateJson };
  return holder.certificate ?? (value as CertificateJson);
}

/** Status as a person reads it, with the reason of a revocation. */
export function shownStatus({ status, reasonCode }: CertificateJson): string {
  return status === 'revoked' ? `revoked (${reasonCode ?? 'unspecified'})` : status;
}

/** One line after an act: what the certificate is now. */
export function statusLine(certificate: CertificateJson): string {
  const since =
    certificate.revocationTime === undefined ? '' : ` since ${certificate.revocationTime}`;
  const end =
    certificate.holdUntil === undefined
      ? ''
      : `, until ${certificate.holdUntil} then ${certificate.holdThen ?? ''}`;
  const notice = certificate.notice === undefined ? '' : `; ${certificate.notice}`;
  return `${certificate.serialNumber} is ${shownStatus(certificate)}${since}${end}${notice}`;
}

/** One certificate in full. */
export function printCertificate(certificate: CertificateJson): void {
  printFields([
    ['serialNumber', certificate.serialNumber],
    ['subject', certificate.subject],
    ['names', certificate.names],
    ['issuer', `${certificate.issuer} (${certificate.issuerId})`],
    ['profile', certificate.profile],
    ['status', shownStatus(certificate)],
    ['since', certificate.revocationTime],
    ['invalidityDate', certificate.invalidityDate],
    ['holdCause', certificate.holdCause],
    ['holdUntil', certificate.holdUntil],
    ['holdThen', certificate.holdThen],
    ['issuanceState', certificate.issuanceState],
    ['notBefore', certificate.notBefore],
    ['notAfter', certificate.notAfter],
    ['owner', certificate.owner],
    ['tags', certificate.tags],
    ['notes', certificate.notes],
    ['requestedBy', certificate.requestedBy],
    ['requestedAt', certificate.requestedAt],
    ['replaces', certificate.replaces],
    ['origin', certificate.origin === 'issued' ? undefined : certificate.origin],
    ['notice', certificate.notice],
    ['sha256', certificate.sha256],
    ...(certificate.purgedAt === undefined
      ? []
      : ([
          ['tbsSha256', certificate.tbsSha256],
          ['spkiHash', certificate.spkiHash],
          [
            'purged',
            `${certificate.purgedAt}: names, owner and bytes are gone; what is shown is kept for good`,
          ],
        ] as const)),
  ]);
}

/** The text of an option; undefined for anything else. */
export function text(value: string | boolean | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
