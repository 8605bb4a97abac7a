import type { ProxiesOfEnvironment } from './proxy.ts';

/** Stands for `proxy.ts` in the bundles of a stage without a proxy: they have none, and carry nothing that speaks to one. */
export const proxiesOf = (): ProxiesOfEnvironment | undefined => undefined;
