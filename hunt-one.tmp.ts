import { hunt } from '/work/main/test/simulation/mutants/hunt.ts';
import { MUTANTS } from '/work/main/test/simulation/mutants/mutants.ts';
const m = MUTANTS.find(({ name }) => name.startsWith('a dead letter of before a resume counts'))!;
const r: any = await hunt(m, 0, 10000); console.log(m.name, r.by?.seed, r.harm?.seed);
