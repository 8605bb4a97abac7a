import { chains } from '../functions/chains/index.ts';
import { main, steplineApp } from '../lib/cdk/app.ts';
import { stages } from './stages.ts';

await main(() => steplineApp({ chains, places: ['functions/chains'], stages }));
