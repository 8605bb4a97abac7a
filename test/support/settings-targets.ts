import { environmentReader } from '../../lib/adapters/targets/environment.ts';
import type { TargetSettings } from '../../lib/adapters/targets/settings.ts';
import { createTargets } from '../../lib/adapters/targets/targets.ts';
import type { Targets } from '../../lib/engine/ports.ts';

/** Targets that need nothing but their settings. */
export const settingsTargets = (settings: TargetSettings): Targets =>
  createTargets({
    ...{
      settings,
      secrets: {},
      reader: environmentReader({}),
      authKinds: {},
      env: {},
      clock: { now: () => 0 },
    },
    http: { call: () => Promise.reject(new Error('nothing is called')) },
    remedy: (what, name) => `Add the ${what} "${name}".`,
  });
