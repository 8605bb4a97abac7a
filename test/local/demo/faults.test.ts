import { expect, it } from 'vitest';
import { FAULT_FIELDS, parseFaults } from '../../../lib/local/demo/faults.ts';

it.each(Object.entries(FAULT_FIELDS))(
  'the example of the fault field %s is a fault that has it',
  (field, { example }) => {
    expect(parseFaults(example)).toEqual([example]);
    expect(example).toHaveProperty(field);
  },
);
