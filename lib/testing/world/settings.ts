import type { Targets } from '../../engine/ports.ts';
import type { PortCall } from '../faults/chaos.ts';
import type { Outside } from './witness.ts';

/** A call of a port, with the faults that may befall it. */
export type Through = <Result>(
  call: PortCall,
  what: () => string,
  apply: () => Promise<Result>,
) => Promise<Result>;

/** The settings of targets, which are where they are by their names; secrets are read as these are. */
export const targetsOf = ({ secret }: Pick<Outside, 'secret'>, through: Through): Targets => ({
  resolve: (target) =>
    through(
      'resolve',
      () => target,
      async () => ({ baseUrl: `https://${target}`, headers: {} }),
    ),
  ...(secret === undefined
    ? {}
    : {
        secret: (name: string) =>
          through(
            'resolve',
            () => name,
            async () => secret(name),
          ),
      }),
});
