/** The one place that talks to strangers: http-01, dns-01 and tls-alpn-01. */

export { checkValidationSettings, type ValidationSettings } from './settings.ts';
export { createValidator, type ValidationLog } from './validator.ts';
