/** Trust anchors and the bundles that clients pull. */

export type { TrustAnchor, TrustBundle, TrustBundleInput } from './bundle.ts';
export { buildTrustBundle } from './bundle.ts';
